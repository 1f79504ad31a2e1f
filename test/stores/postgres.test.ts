import t, { type Test } from 'tap'
import { type Clock, systemClock } from '../../src/kit/clock.ts'
import { OWNER_LEASE_MS } from '../../src/stores/ports.ts'
import { openPostgres } from '../../src/stores/postgres/engine.ts'
import { DEFAULT, lease, receiptsOf } from '../contract/leasing.ts'
import { DAY_MS, type OpenOptions } from '../contract/open-stores.ts'
import { storesContract } from '../contract/stores.ts'
import { formula, submission } from '../contract/submissions.ts'
import { DocumentedRoles } from '../support/postgres/documented-roles.ts'
import { ReusedDatabases } from '../support/postgres/reused-databases.ts'
import { startPostgres } from '../support/postgres/server.ts'
import { castShadows, hasShadowRun } from '../support/postgres/shadows.ts'
import { TestClock } from '../support/test-clock.ts'

const server = await startPostgres({ durable: false })
const roles = await DocumentedRoles.create(server)
t.teardown(async () => {
  await server.stop()
  await roles.drop()
})
const databases = new ReusedDatabases(roles)
const shadowed = new Set<string>()

/**
 * Opens a database under the conditions that allow the least: as the role that docs/postgresql.md creates for the
 * service, beside shadows of every function and operator that a statement could call by mistake.
 */
async function openDatabase(t: Test, options: Omit<OpenOptions, 'clock'> & { clock: Clock }) {
  const url = await databases.take(t)
  if (!shadowed.has(url)) await castShadows(url)
  shadowed.add(url)
  const stores = await openPostgres(roles.asService(url), { answerTtlMs: DAY_MS, maxReceives: 5, ...options })
  t.teardown(() => stores.close())
  return stores
}

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

t.test('postgres: without a clock of its own, the time is that of the database', async (t) => {
  const { intake, queue, idempotency } = await openDatabase(t, { clock: systemClock })
  await intake.accept(submission([formula('a')]))
  t.match(await queue.extend(receiptsOf(await lease(queue)), 60_000), { accepted: 1 })
  t.match(await queue.stats(DEFAULT), { leased: 1 })
  t.equal(await idempotency.sweep(1), 0)
})

storesContract('postgres', openDatabase, OWNER_LEASE_MS)

t.test('postgres: no shadow has run', async (t) => {
  t.ok(shadowed.size > 0)
  for (const url of shadowed) t.notOk(await hasShadowRun(url))
})
