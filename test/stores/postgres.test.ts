import t, { type Test } from 'tap'
import { OWNER_LEASE_MS } from '../../src/stores/ports.ts'
import { openPostgres } from '../../src/stores/postgres/engine.ts'
import { openMemoryQueue } from '../../src/stores/sqlite/memory.ts'
import { cleanupQueueContract } from '../contract/cleanup-queue.ts'
import { eventQueueContract } from '../contract/event-queue.ts'
import { DEFAULT } from '../contract/leasing.ts'
import { DAY_MS, type OpenOptions, type OpenStores } from '../contract/open-stores.ts'
import { storesContract } from '../contract/stores.ts'
import { formula, submission } from '../contract/submissions.ts'
import { ReusedDatabases } from '../support/postgres/reused-databases.ts'
import { startPostgres } from '../support/postgres/server.ts'
import { TestClock } from '../support/test-clock.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())
const databases = new ReusedDatabases(server)

async function openDatabase(t: Test, options: OpenOptions) {
  const url = await databases.take(t)
  const stores = await openPostgres(url, { answerTtlMs: DAY_MS, maxReceives: 5, ...options })
  t.teardown(() => stores.close())
  return stores
}

const openOneDatabase: OpenStores = openDatabase

const openTwoDatabases: OpenStores = async (t, options) => {
  const { queue } = await openDatabase(t, options)
  return { ...(await openDatabase(t, options)), queue, intake: null }
}

const openWithMemoryQueue: OpenStores = async (t, options) => ({
  ...(await openDatabase(t, options)),
  queue: openMemoryQueue({ maxReceives: 5, ...options }),
  intake: null,
})

t.test('postgres: what a saga has not completed has no event', async (t) => {
  const { db, queue } = await openDatabase(t, { clock: new TestClock() })
  await db.add('1', submission([formula('a')]))
  await db.complete('1')
  t.match(await queue.stats(DEFAULT), { ready: 0 }, 'its events belong to another queue')
})

t.test('postgres: a submission given up while it waits in line is not stored', async (t) => {
  const { intake, db } = await openDatabase(t, { clock: new TestClock() })
  const first = submission([formula('a')])
  const accepting = intake.accept(first)
  await intake.giveUp(first.id)
  t.same(await accepting, { kind: 'given-up' })
  t.equal(await db.get(formula('a').id), null)
})

t.test('postgres: the ids of writes are swept, up to a limit, when nobody will ask for them any more', async (t) => {
  const clock = new TestClock()
  const { intake, idempotency } = await openDatabase(t, { clock })
  for (const concentration of ['1', '2', '3']) await intake.accept(submission([formula('a', concentration)]))
  clock.advance(3_600_000)
  t.equal(await idempotency.sweep(2), 0)
  clock.advance(1)
  t.equal(await idempotency.sweep(2), 2)
  t.equal(await idempotency.sweep(2), 1)
  t.equal(await idempotency.sweep(2), 0)
})

storesContract('postgres', openOneDatabase, OWNER_LEASE_MS)
eventQueueContract('postgres, two databases', openTwoDatabases)
cleanupQueueContract('postgres, memory queue', openWithMemoryQueue, OWNER_LEASE_MS)
