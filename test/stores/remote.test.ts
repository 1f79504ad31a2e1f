import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { Batches } from '../../src/stores/sqlite/batches.ts'
import { type ReadCommands, readCommands, type WriteCommands, writeCommands } from '../../src/stores/sqlite/commands.ts'
import { openForWriting } from '../../src/stores/sqlite/durability/file.ts'
import { type Call, pack } from '../../src/stores/sqlite/messages.ts'
import { deadStatements } from '../../src/stores/sqlite/queue/dead-letters.ts'
import { lineStatements } from '../../src/stores/sqlite/queue/event-line.ts'
import { eventStatements, heldStatements } from '../../src/stores/sqlite/queue/event-log.ts'
import { stateStatements } from '../../src/stores/sqlite/queue/event-states.ts'
import { leaseStatements } from '../../src/stores/sqlite/queue/leases.ts'
import { subscriptionStatements } from '../../src/stores/sqlite/queue/subscription-table.ts'
import { WorkerClient } from '../../src/stores/sqlite/worker-client.ts'
import { events, formula, namesIn, readPage, submission } from '../contract/submissions.ts'

const OPTIONS = { answerTtlMs: 60_000, maxReceives: 5 }

/** The result of a submission that was accepted. */
const ACCEPTED = { value: 'all-added' }

/** The deadline of calls that may wait for ever. */
const NEVER = Number.POSITIVE_INFINITY

function openBatches(t: Test) {
  const db = openForWriting(join(t.testdir(), 'a.db'))
  t.teardown(() => db.close())
  const written = writeCommands(db, OPTIONS)
  return { db, written, batches: new Batches(db, { ...written, begin: 'BEGIN IMMEDIATE' }) }
}

t.test('calls that arrive together share one transaction', async (t) => {
  const { db, batches } = openBatches(t)
  const before = db.prepare('PRAGMA data_version').get()
  const calls = ['1', '2', '3'].map((c) => ['accept', 0, [pack(submission([formula('a', c)]))], NEVER] as Call)
  t.match(
    batches.run(calls),
    [1, 2, 3].map(() => ACCEPTED),
  )
  t.same(db.prepare('PRAGMA data_version').get(), before)
  t.match(batches.run([['stats', 0, ['default'], NEVER]]), [{ value: { ready: 3 } }])
})

t.test('what is answered is committed and visible to other connections', async (t) => {
  const { batches } = openBatches(t)
  const other = new DatabaseSync(join(t.testdirName, 'a.db'), { readOnly: true })
  t.teardown(() => other.close())
  const rows = (table: string) => other.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count
  t.match(batches.run([['accept', 0, [pack(submission([formula('a')]))], NEVER]]), [ACCEPTED])
  t.same(['formulas', 'answers', 'events'].map(rows), [1, 1, 1])
})

t.test('a finished rollback leaves no rows but its tombstones', async (t) => {
  const { db, batches } = openBatches(t)
  const run = (command: string, ...args: unknown[]) =>
    t.notMatch(batches.run([[command, 0, args, NEVER]]), [{ error: String }])
  const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all() as { name: string }[]
  const rows = () => tables.map(({ name }) => [name, db.prepare(`SELECT count(*) AS n FROM ${name}`).get()?.n])
  const before = rows()
  const failed = pack(submission([formula('a', '1'), formula('b', '2')]))
  run('add', '1', failed)
  run('publish', '1', events('ab'))
  run('abandon', '1', 'failed')
  run('removeEvents', '1')
  run('remove', '1')
  const tombstones = ['given_up', 'marks']
  t.same(
    rows(),
    before.map(([name, count]) => [name, tombstones.includes(String(name)) ? 1 : count]),
  )
})

t.test('a call that fails in a batch does not affect the others', async (t) => {
  const { batches } = openBatches(t)
  const broken = pack({ ...submission([formula('b', '2')]), payload: null as never })
  const results = batches.run([
    ['accept', 0, [pack(submission([formula('a', '1')]))], NEVER],
    ['accept', 0, [broken], NEVER],
    ['accept', 0, [pack(submission([formula('c', '3')]))], NEVER],
  ])
  t.match(results, [ACCEPTED, { error: String }, ACCEPTED])
  t.match(
    batches.run([['stats', 0, ['default'], NEVER]]),
    [{ value: { ready: 2 } }],
    'counters do not count what was rolled back',
  )
})

t.test('a commit that fails leaves nothing, and the next one works', async (t) => {
  const { db, batches } = openBatches(t)
  db.exec('PRAGMA max_page_count = 1')
  db.exec('PRAGMA query_only = 1')
  t.match(batches.run([['accept', 0, [pack(submission([formula('a')]))], NEVER]]), [{ error: /readonly/ }])
  db.exec('PRAGMA query_only = 0')
  t.match(
    batches.run([['list', 0, [{ limit: 5 }], NEVER]]),
    [{ error: String }],
    'an unknown command is an error of its own',
  )
  t.match(batches.run([['stats', 0, ['default'], NEVER]]), [{ value: { ready: 0 } }])
})

t.test('a call past its deadline is not begun, unlike the others of its batch', async (t) => {
  const { batches } = openBatches(t)
  const results = batches.run([
    ['accept', 0, [pack(submission([formula('a', '1')]))], Date.now() - 1],
    ['accept', 0, [pack(submission([formula('b', '2')]))], NEVER],
  ])
  t.match(results, [{ error: /waited too long/ }, ACCEPTED])
  t.match(batches.run([['stats', 0, ['default'], NEVER]]), [{ value: { ready: 1 } }])
})

t.test(
  'a submission that is refused while another program locks the file is not stored when the lock goes',
  async (t) => {
    const path = join(t.testdir(), 'a.db')
    const writer = new WorkerClient<WriteCommands>({ mode: 'write', path, ...OPTIONS }, systemClock)
    await writer.open()
    const tool = new DatabaseSync(path)
    tool.exec('BEGIN IMMEDIATE')
    const refused = writer.callBefore(Date.now() + 20, 'accept', pack(submission([formula('a')])))
    const sent = Date.now()
    while (Date.now() < sent + 40) await new Promise((resolve) => setImmediate(resolve))
    tool.exec('ROLLBACK')
    tool.close()
    await t.rejects(refused, StoreUnavailable)
    t.match(await writer.call('stats', 'default'), { ready: 0 })
    await writer.close()
  },
)

t.test('an overdue call fails even while the worker is stuck', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = new WorkerClient<WriteCommands>({ mode: 'write', path, ...OPTIONS }, systemClock)
  await writer.open()
  const tool = new DatabaseSync(path)
  tool.exec('BEGIN IMMEDIATE')
  const stuck = writer.call('probe')
  const overdue = writer.callBefore(Date.now() + 20, 'stats', 'default')
  await t.rejects(overdue, { message: /did not answer in time/ })
  tool.close()
  await stuck
  await writer.close()
})

t.test('closing does not wait for a worker that is stuck', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = new WorkerClient<WriteCommands>({ mode: 'write', path, ...OPTIONS }, systemClock)
  await writer.open()
  const tool = new DatabaseSync(path)
  tool.exec('BEGIN IMMEDIATE')
  const stuck = [writer.callBefore(Date.now() + 20, 'probe'), writer.callBefore(Date.now() + 20, 'stats', 'default')]
  const ends = Promise.allSettled(stuck)
  await writer.close()
  t.match(await ends, [{ status: 'rejected' }, { status: 'rejected' }])
  tool.close()
})

t.test('a prefix finds every name that begins with it, to the last code point there is', async (t) => {
  const { db, batches } = openBatches(t)
  const names = ['a\u{10ffff}\u{10ffff}', 'a\u{10ffff}b', 'a\ud7ff', 'b']
  const all = names.map((name, index) => formula(name, String(index + 1)))
  batches.run([['accept', 0, [pack(submission(all))], NEVER]])
  const { list } = readCommands(db)
  t.equal(readPage(list(0, { limit: 9, searchPrefix: 'a' })).items.length, 3)
  t.equal(readPage(list(0, { limit: 9, searchPrefix: 'a\u{10ffff}' })).items.length, 2)
  t.equal(readPage(list(0, { limit: 9, searchPrefix: 'a\ud7ff' })).items.length, 1)
  t.equal(readPage(list(0, { limit: 9, searchPrefix: '\u{10ffff}' })).items.length, 0)
})

t.test('a reader sees what was committed before', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = new WorkerClient<WriteCommands>({ mode: 'write', path, ...OPTIONS }, systemClock)
  await writer.open()
  const reader = new WorkerClient<ReadCommands>({ mode: 'read', path }, systemClock)
  await writer.call('accept', pack(submission([formula('a')])))
  t.same(namesIn(readPage(await reader.call('list', { limit: 1 })).items), ['a'])
  await Promise.all([writer.close(), reader.close()])
  await t.rejects(writer.call('probe'), StoreUnavailable, 'a closed store is unavailable')
})

t.test('a worker that dies fails its pending calls, and is restarted for the next one', async (t) => {
  const workers: Worker[] = []
  const listener = (worker: Worker): void => void workers.push(worker)
  process.on('worker', listener)
  t.teardown(() => process.off('worker', listener))
  const path = join(t.testdir(), 'a.db')
  const remote = new WorkerClient<WriteCommands>({ mode: 'write', path, ...OPTIONS }, systemClock)
  await remote.open()
  await remote.call('accept', pack(submission([formula('a'), formula('b', '2')])))
  await remote.call('receive', 'default', 1, 60_000)
  const lost = remote.call('stats', 'default')
  await workers[0]?.terminate()
  t.type(await lost.catch((error: unknown) => error), StoreUnavailable)
  t.match(await remote.call('stats', 'default'), { ready: 1, leased: 1 })
  t.equal(workers.length, 2)
  await remote.close()
})

t.test('a call that cannot be sent fails, and the next one works', async (t) => {
  const remote = new WorkerClient<WriteCommands>(
    { mode: 'write', path: join(t.testdir(), 'a.db'), ...OPTIONS },
    systemClock,
  )
  await t.rejects(remote.call('giveUp', (() => 'no message') as never), StoreUnavailable)
  t.match(await remote.call('stats', 'default'), { ready: 0 })
  await remote.close()
})

t.test('a batch that cannot be sent fails as a whole, and the next one works', async (t) => {
  const remote = new WorkerClient<WriteCommands>(
    { mode: 'write', path: join(t.testdir(), 'a.db'), ...OPTIONS },
    systemClock,
  )
  await remote.call('stats', 'default')
  const calls = Array.from({ length: 31 }, () => remote.call('stats', 'default'))
  const unsendable = remote.call('giveUp', (() => 'no message') as never)
  const ends = await Promise.allSettled([...calls, unsendable])
  t.same(new Set(ends.map(({ status }) => status)), new Set(['rejected']))
  t.match(await remote.call('stats', 'default'), { ready: 0 })
  await remote.close()
})

t.test('a file that can no longer be opened makes its calls fail, not the process', async (t) => {
  const path = join(t.testdir({ 'a.db': 'noise, not a database at all '.repeat(50) }), 'a.db')
  const remote = new WorkerClient<WriteCommands>({ mode: 'write', path, ...OPTIONS }, systemClock)
  await t.rejects(remote.call('stats', 'default'), StoreUnavailable)
  await t.rejects(remote.open(), { name: 'StoreRefused' })
  await remote.close()
})

t.test('no statement of the queue scans a table without a limit, except two that say why', async (t) => {
  const { db } = openBatches(t)
  const statements = [
    eventStatements,
    heldStatements,
    subscriptionStatements,
    lineStatements,
    leaseStatements,
    deadStatements,
    stateStatements,
  ].flatMap((statementsOf) => Object.entries(statementsOf(db)))
  const scanning = statements.flatMap(([name, { sourceSQL }]) => {
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${sourceSQL}`).all() as { detail: string }[]
    // In order of its key and up to a limit, a scan reads no more rows than it gives.
    const bounded = /ORDER BY position LIMIT (\?|1)$/.test(sourceSQL) && name !== 'firstAt'
    const scans = plan.flatMap(({ detail }) => /^SCAN (events|deliveries|held|marks)/.exec(detail)?.[1] ?? [])
    return bounded ? [] : scans.map((table) => `${name}: ${table}`)
  })
  t.same(scanning.sort(), ['deliveries: held', 'firstAt: events'])
})

t.test('a call for an unknown subscription does not affect its batch', async (t) => {
  const { batches } = openBatches(t)
  const results = batches.run([
    ['accept', 0, [pack(submission([formula('a')]))], NEVER],
    ['receive', 0, ['nobody', 1, 1000], NEVER],
    ['stats', 0, ['default'], NEVER],
  ])
  t.match(results, [ACCEPTED, { unknownSubscription: 'nobody' }, { value: { ready: 1 } }])
})
