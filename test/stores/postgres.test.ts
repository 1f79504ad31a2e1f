import pg from 'pg'
import t from 'tap'
import type { Clock } from '../../src/kit/clock.ts'
import { type DurableStores, OWNER_LEASE_MS } from '../../src/stores/ports.ts'
import { openPostgres } from '../../src/stores/postgres/engine.ts'
import { DEFAULT, lease, receiptsOf } from '../contract/leasing.ts'
import { DAY_MS, type OpenStores, start } from '../contract/open-stores.ts'
import { storesContract } from '../contract/stores.ts'
import { formula, submission } from '../contract/submissions.ts'
import { DocumentedRoles } from '../support/postgres/documented-roles.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { EMPTY } from '../support/postgres/reused-databases.ts'
import { startPostgres } from '../support/postgres/server.ts'
import { createShadows, hasShadowRun } from '../support/postgres/shadows.ts'

const server = await startPostgres({ durable: false })
const roles = await DocumentedRoles.create(server)
t.teardown(async () => {
  await server.stop()
  await roles.drop()
})
const url = await roles.createDatabase()
await createShadows(url)
const admin = new pg.Client(url)
await admin.connect()

/** The clock of the test that runs. */
let current: Clock
const clock: Clock = { now: () => current.now(), after: (ms, run) => current.after(ms, run) }
let engine: { options: string; stores: DurableStores } | undefined
t.teardown(async () => {
  await engine?.stores.close()
  await admin.end()
})

/**
 * Opens a database under the strictest conditions: as the role that docs/postgresql.md creates for the service, with
 * shadows of every function and operator that a statement could call by mistake. Tests share an engine, because with
 * this many functions a new connection takes as long as a test.
 */
const openDatabase: OpenStores = async (_, { clock: ofTest, answerTtlMs = DAY_MS, maxReceives = 5 }) => {
  await admin.query(EMPTY)
  current = ofTest
  const options = JSON.stringify([answerTtlMs, maxReceives])
  if (engine?.options !== options) {
    await engine?.stores.close()
    engine = { options, stores: await openPostgres(roles.asService(url), { clock, answerTtlMs, maxReceives }) }
  }
  return engine.stores
}

t.test('postgres: a saga adds no event to the queue of its own database', async (t) => {
  const { db, queue } = await start(t, openDatabase)
  await db.add('1', submission([formula('a')]))
  await db.complete('1')
  t.match(await queue.stats(DEFAULT), { ready: 0 }, 'its events belong to another queue')
})

t.test('postgres: a submission given up while it waits in line is not stored', async (t) => {
  const { intake, db } = await start(t, openDatabase)
  const first = submission([formula('a')])
  const accepting = intake?.accept(first)
  await intake?.giveUp(first.id)
  t.same(await accepting, { kind: 'given-up' })
  t.equal(await db.get(formula('a').id), null)
})

t.test('postgres: the ids of writes are swept after an hour, up to a limit', async (t) => {
  const { intake, idempotency, clock } = await start(t, openDatabase)
  for (const concentration of ['1', '2', '3']) await intake?.accept(submission([formula('a', concentration)]))
  clock.advance(3_600_000)
  t.equal(await idempotency.sweep(2), 0)
  clock.advance(1)
  t.equal(await idempotency.sweep(2), 2)
  t.equal(await idempotency.sweep(2), 1)
  t.equal(await idempotency.sweep(2), 0)
})

t.test('postgres: with the system clock, the time is that of the database', async (t) => {
  await admin.query(EMPTY)
  const { intake, queue, idempotency } = await openEngine(t, roles.asService(url))
  await intake?.accept(submission([formula('a')]))
  t.match(await queue.extend(receiptsOf(await lease(queue)), 60_000), { accepted: 1 })
  t.match(await queue.stats(DEFAULT), { leased: 1 })
  t.equal(await idempotency.sweep(1), 0)
})

storesContract('postgres', openDatabase, OWNER_LEASE_MS)

t.test('postgres: no shadow has run', async (t) => {
  t.notOk(await hasShadowRun(url))
})
