import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Test, test } from 'tap'
import { IntakeClient } from '../../client/src/client.ts'
import { openLabels } from '../../examples/worker.ts'
import type { QueueStats } from '../../src/stores/ports.ts'
import { start } from '../support/command.ts'
import { startListening } from '../support/http/service.ts'
import { scriptedService } from '../support/scripted-service.ts'
import { call, formula, startService } from '../support/service-process.ts'
import { until } from '../support/until.ts'

const formulas = (count: number) => Array.from({ length: count }, (_, index) => formula(index + 1, `F${index + 1}`))

const namesOf = (list: { name: string }[]): string[] => list.map(({ name }) => name)

/** Whether every event of a subscription is acknowledged; false while the service is away. */
async function isEmpty(url: string, subscription = 'default'): Promise<boolean> {
  const stats = await call<QueueStats>(url, `/events/stats?subscription=${subscription}`).catch(() => null)
  return stats !== null && stats.ready + stats.leased + stats.delayed === 0
}

function labels(file: string): unknown[] {
  const database = new DatabaseSync(file, { timeout: 10_000 })
  const rows = database.prepare('SELECT text FROM labels ORDER BY number').all()
  database.close()
  return rows.map(({ text }) => text)
}

test('each event has its effect and is acknowledged; SIGTERM ends the long poll and the worker with 0', async (t) => {
  const file = join(t.testdir(), 'labels.db')
  const { url } = await startListening(t)
  const client = new IntakeClient({ url })
  await client.submit(formulas(12))
  const worker = start(t, 'examples/worker.ts', [file], { SERVICE_URL: url })
  await until(() => isEmpty(url))
  await client.submit(formula(99, 'F99'))
  await until(() => isEmpty(url))
  t.equal((await worker.kill('SIGTERM')).code, 0)
  t.same(labels(file), [...namesOf(formulas(12)), 'F99'])
})

test('a formula that was erased and accepted again has its effect again', async (t) => {
  const file = join(t.testdir(), 'labels.db')
  const { url } = await startListening(t)
  const client = new IntakeClient({ url })
  start(t, 'examples/worker.ts', [file], { SERVICE_URL: url })
  const ids: unknown[] = []
  for (const key of ['order-1', 'order-2']) {
    const { formulas } = await client.submit(formula(1, 'F1'), { key })
    await until(() => isEmpty(url))
    ids.push(formulas[0]?.id)
    t.equal((await fetch(`${url}/formulas/${formulas[0]?.id}`, { method: 'DELETE' })).status, 204)
  }
  t.equal(ids[0], ids[1])
  t.same(labels(file), ['F1', 'F1'])
})

test('workers of two subscriptions each get every event, and those of one subscription share its events', async (t) => {
  const folder = t.testdir()
  const { url } = await startListening(t)
  await fetch(`${url}/subscriptions/erp`, { method: 'PUT' })
  await new IntakeClient({ url }).submit(formulas(12))
  const run = (SUBSCRIPTION: string) =>
    start(t, 'examples/worker.ts', [join(folder, SUBSCRIPTION)], { SERVICE_URL: url, SUBSCRIPTION })
  for (const name of ['default', 'erp', 'erp']) run(name)
  for (const name of ['default', 'erp']) {
    await until(() => isEmpty(url, name))
    t.same(labels(join(folder, name)).sort(), namesOf(formulas(12)).sort(), name)
  }
})

/** Runs a worker, and another one whenever it has died, until all is done. @param onDeath called for each that died */
async function keepWorking(t: Test, args: string[], isDone: Promise<true>, onDeath: () => void): Promise<void> {
  for (;;) {
    const worker = start(t, 'test/support/dying-worker.ts', args)
    if (await Promise.race([isDone, worker.ended.then(() => false)])) {
      await worker.kill('SIGKILL')
      return
    }
    onDeath()
  }
}

test('every effect happens exactly once, though workers die between effect and ack, and the service dies too', async (t) => {
  const file = join(t.testdir(), 'labels.db')
  const environment = { DATABASE_URL: 'sqlite:./formulas.db', EVENT_MAX_RECEIVES: '100' }
  let service = await startService(t, environment)
  const { url } = service
  const client = new IntakeClient({ url })
  let submitted = 15
  await client.submit(formulas(submitted))
  openLabels(file)
  const dead = new Set<string>()
  let isAllSubmitted = false
  const isDone = until(async () => isAllSubmitted && (await isEmpty(url))).then(() => true as const)
  const working = ['one', 'other'].map((worker) => keepWorking(t, [url, file], isDone, () => dead.add(worker)))
  for (const effects of [2, 8]) {
    await until(() => labels(file).length >= effects)
    await service.kill('SIGKILL')
    service = await startService(t, { ...environment, PORT: new URL(url).port })
  }
  // One of them may do all the work, so there is more of it until both have died.
  await until(async () => {
    if (dead.size < 2) await client.submit(formula(++submitted, `F${submitted}`))
    return dead.size === 2
  }, 100)
  isAllSubmitted = true
  await Promise.all(working)
  t.same(labels(file).sort(), namesOf(formulas(submitted)).sort())
})

test('a refused API key ends the worker', async (t) => {
  t.testdir()
  const { url, seen } = await scriptedService(t, () => ({ status: 401 }))
  const { code, stderr } = await start(t, 'examples/worker.ts', [], { SERVICE_URL: url.origin, API_KEY: 'secret' })
    .ended
  t.equal(code, 1)
  t.match(stderr.join('\n'), /401/)
  t.match(seen, [{ url: '/events/receive', headers: { authorization: 'Bearer secret' } }])
})
