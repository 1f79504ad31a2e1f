import t from 'tap'
import { OWNER_LEASE_MS } from '../../src/stores/ports.ts'
import { DEFAULT, lease, receiptsOf } from '../contract/leasing.ts'
import { start } from '../contract/open-stores.ts'
import { storesContract } from '../contract/stores.ts'
import { formula, submission } from '../contract/submissions.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { reuseEngine } from '../support/postgres/reused-engine.ts'

const { url, open: openDatabase, empty, hasShadowRun } = await reuseEngine(t)

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
  await empty()
  const { intake, queue, idempotency } = await openEngine(t, url)
  await intake?.accept(submission([formula('a')]))
  t.match(await queue.extend(receiptsOf(await lease(queue)), 60_000), { accepted: 1 })
  t.match(await queue.stats(DEFAULT), { leased: 1 })
  t.equal(await idempotency.sweep(1), 0)
})

storesContract('postgres', openDatabase, OWNER_LEASE_MS)

t.test('postgres: no shadow has run', async (t) => {
  t.notOk(await hasShadowRun())
})
