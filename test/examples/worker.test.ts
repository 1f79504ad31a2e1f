import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Test, test } from 'tap'
import type { ReceivedEvent } from '../../src/outbox/message.ts'
import type { QueueStats } from '../../src/stores/ports.ts'
import { type Running, start } from '../support/command.ts'
import { startListening } from '../support/http/service.ts'
import { scriptedService } from '../support/scripted-service.ts'
import { call, formula, post } from '../support/service-process.ts'
import { until } from '../support/until.ts'

const TRYING = 'test/support/trying-worker.ts'

/** A service with events of formulas 1 to `count`. */
async function serviceWith(t: Test, count: number): Promise<string> {
  const { url } = await startListening(t)
  await post(
    url,
    'k',
    Array.from({ length: count }, (_, index) => formula(index + 1, `F${index + 1}`)),
  )
  return url
}

const stats = (url: string) => call<QueueStats>(url, '/events/stats')

/** Waits until the queue looks like this. */
const untilQueue = (url: string, isReached: (stats: QueueStats) => boolean): Promise<void> =>
  until(async () => isReached(await stats(url)))

/** Waits until a worker has said something. */
const untilSays = ({ stdout }: Running, line: string): Promise<void> => until(() => stdout.includes(line))

function labels(file: string): unknown[] {
  const database = new DatabaseSync(file)
  const rows = database.prepare('SELECT text FROM labels ORDER BY rowid').all()
  database.close()
  return rows.map(({ text }) => text)
}

test('each event has its effect and is acknowledged; SIGTERM ends the long poll and the worker with 0', async (t) => {
  const directory = t.testdir()
  const url = await serviceWith(t, 12)
  const worker = start(t, 'examples/worker.ts', [join(directory, 'labels.db')], { SERVICE_URL: url })
  await untilQueue(url, ({ ready, leased }) => ready + leased === 0)
  await post(url, 'k2', formula(99, 'F99'))
  await untilQueue(url, ({ ready, leased }) => ready + leased === 0)
  t.equal((await worker.kill('SIGTERM')).code, 0)
  t.same(labels(join(directory, 'labels.db')), [...Array.from({ length: 12 }, (_, index) => `F${index + 1}`), 'F99'])
})

test('an event that comes again after a crash between effect and ack has no second effect', async (t) => {
  const directory = t.testdir()
  const url = await serviceWith(t, 1)
  const file = join(directory, 'labels.db')
  const environment = { SERVICE_URL: url, LEASE_SECONDS: '1' }
  await start(t, TRYING, [], { ...environment, DIES: 'yes' }).ended
  t.match(await stats(url), { leased: 1 })
  // The effect of the worker that died.
  const { formulas } = await call<{ formulas: { id: string }[] }>(url, '/formulas')
  const database = new DatabaseSync(file)
  database.exec('CREATE TABLE labels (formula_id TEXT PRIMARY KEY, text TEXT NOT NULL)')
  database.prepare('INSERT INTO labels VALUES (?, ?)').run(formulas[0]?.id as string, 'F1')
  database.close()
  const worker = start(t, 'examples/worker.ts', [file], environment)
  await untilQueue(url, ({ ready, leased }) => ready + leased === 0)
  await worker.kill('SIGTERM')
  t.same(labels(file), ['F1'])
})

test('work that takes longer than a lease is done once: the lease is extended meanwhile', async (t) => {
  t.testdir()
  const url = await serviceWith(t, 2)
  const environment = { SERVICE_URL: url, LEASE_SECONDS: '1', WORK_MS: '1200' }
  const worker = start(t, TRYING, [], environment)
  const other = start(t, TRYING, [], environment)
  await untilQueue(url, ({ ready, leased }) => ready + leased === 0)
  const said = [await worker.kill('SIGTERM'), await other.kill('SIGTERM')].flatMap(({ stdout }) => stdout)
  t.same(said.sort(), ['F1: done', 'F1: lease 1', 'F2: done', 'F2: lease 1'])
})

test('an event whose work fails comes again after a while; the others do not wait for it', async (t) => {
  t.testdir()
  const url = await serviceWith(t, 2)
  const worker = start(t, TRYING, [], { SERVICE_URL: url, FAILURES: '1' })
  await untilQueue(url, ({ delayed }) => delayed === 2)
  await post(url, 'k2', formula(3, 'F3'))
  await untilQueue(url, ({ ready, leased, delayed }) => ready + leased + delayed === 0)
  const { stdout, stderr } = await worker.kill('SIGTERM')
  t.same(
    stdout.filter((line) => line.startsWith('F1')),
    ['F1: lease 1', 'F1: lease 2', 'F1: done'],
  )
  t.match(stderr.join('\n'), /on purpose/)
})

test('SIGTERM: the event in work is finished and acknowledged, the others are given back at once', async (t) => {
  t.testdir()
  const url = await serviceWith(t, 4)
  const worker = start(t, TRYING, [], { SERVICE_URL: url, WORK_MS: '500' })
  await untilSays(worker, 'F1: lease 1')
  const { code, stdout } = await worker.kill('SIGTERM')
  t.equal(code, 0)
  t.same(stdout, ['F1: lease 1', 'F1: done'])
  t.match(await stats(url), { ready: 3, leased: 0, delayed: 0 })
  const { events } = await call<{ events: ReceivedEvent[] }>(url, '/events/receive', { max: 10 })
  t.match(events, [{ name: 'F2' }, { name: 'F3' }, { name: 'F4' }])
})

test('a service that is away is waited for; a refused API key ends the worker', async (t) => {
  t.testdir()
  const answers = [{ status: 503, headers: { 'retry-after': '1' } }, 'break', { status: 401, body: {} }] as const
  const left = [...answers]
  const { url, seen } = await scriptedService(t, () => left.shift() ?? 'break')
  const { code, stderr } = await start(t, 'examples/worker.ts', [], { SERVICE_URL: url.origin, API_KEY: 'secret' })
    .ended
  t.equal(code, 1)
  t.match(stderr.join('\n'), /401/)
  t.equal(seen.length, 3)
  t.match(seen, [{ url: '/events/receive', headers: { authorization: 'Bearer secret' } }])
})
