import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { LongPoll } from '../../src/outbox/long-poll.ts'
import type { DurableStores } from '../../src/stores/ports.ts'
import { OWNER_LEASE_MS } from '../../src/stores/ports.ts'
import { migrations } from '../../src/stores/postgres/schema.ts'
import { DEFAULT } from '../contract/leasing.ts'
import { again, answerOf, formula, submission } from '../contract/submissions.ts'
import { errorOf, formulasOf, formula as sent, startService } from '../support/http/service.ts'
import { contentsOf, openEngine } from '../support/postgres/engines.ts'
import { query, startPostgres } from '../support/postgres/server.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

const OURS = `FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'formula-intake'`
const LISTENERS = `FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`

/** Several instances of the service on one database, as engines that use the database's clock. */
async function instances(t: Test, count: number) {
  const url = await server.createDatabase()
  const engines: DurableStores[] = []
  for (let number = 0; number < count; number++) engines.push(await openEngine(t, url))
  const [one, two] = engines as [DurableStores, DurableStores]
  return { url, engines, one, two }
}

/** Sets when the locks of intents expire, in milliseconds from now on the database's clock. */
const setHeld = (url: string, ms: number): Promise<unknown[]> =>
  query(
    url,
    `UPDATE formula_intake.intents SET held_until = floor(extract(epoch FROM clock_timestamp()) * 1000) + $1::bigint`,
    [ms],
  )

const pick = async (url: string, statement: string): Promise<unknown> =>
  Object.values((await query<Record<string, unknown>>(url, statement))[0] ?? {})[0]

/** How long the only intent remains locked, in milliseconds. */
const heldMs = async (url: string): Promise<number> =>
  Number(
    await pick(
      url,
      `SELECT held_until - floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM formula_intake.intents`,
    ),
  )

t.test('instances that start at once on an empty database create its tables once', async (t) => {
  const url = await server.createDatabase()
  const engines = await Promise.all(Array.from({ length: 6 }, () => openEngine(t, url)))
  t.equal(await pick(url, 'SELECT version FROM formula_intake.layout_version'), migrations.length)
  t.equal(await pick(url, 'SELECT count(*)::int FROM formula_intake.identity'), 1)
  const identities = await Promise.all(engines.map(({ queue }) => queue.identity()))
  t.equal(new Set(identities).size, 1)
  await Promise.all(
    engines.map(({ intake }, index) => intake.accept(submission([formula(`${index}`, `${index + 1}`)]))),
  )
  t.match(await contentsOf(engines[0] as DurableStores), { formulas: ['0', '1', '2', '3', '4', '5'], events: 6 })
})

t.test('of submissions that race for a key or compositions at several instances, one is stored', async (t) => {
  const { engines, one } = await instances(t, 4)
  for (let round = 1; round <= 10; round++) {
    const [a, b] = [formula(`a${round}`, `${round}.1`), formula(`b${round}`, `${round}.2`)]
    const sent = submission([formula(`k${round}`, `${round}.3`)])
    const [verdicts, lists] = await Promise.all([
      Promise.all(engines.map(({ intake }) => intake.accept(again(sent)))),
      Promise.all(engines.map(({ intake }, index) => intake.accept(submission(index % 2 === 0 ? [a, b] : [b, a])))),
    ])
    t.same(new Set(verdicts.map((verdict) => JSON.stringify(verdict))).size, 1, 'all have the answer of one')
    t.same(lists.map((verdict) => answerOf(verdict).status).sort(), [200, 409, 409, 409])
  }
  t.match(await contentsOf(one), { formulas: { length: 30 }, events: 30 })
})

t.test('a due cleanup is given to one instance, however many ask', async (t) => {
  const { engines, one, url } = await instances(t, 4)
  const ids = Array.from({ length: 60 }, (_, index) => `attempt-${index}`)
  for (const [index, id] of ids.entries()) {
    await one.db.add(id, submission([formula('owed', `${index + 1}`)]))
    if (index % 2 === 0) await one.db.abandon(id, 'it failed')
    else await one.db.complete(id)
  }
  await query(url, 'UPDATE formula_intake.intents SET next_attempt_at = 0')
  const asked = engines.flatMap(({ cleanups }) => Array.from({ length: 10 }, () => cleanups.due(4)))
  const given = (await Promise.all(asked)).flat().map(({ id }) => id)
  t.same(given.toSorted(), ids.toSorted())
})

t.test('a cleanup stays with its instance while heartbeats arrive, and is taken over afterwards', async (t) => {
  const { one, two, url } = await instances(t, 2)
  await one.db.add('1', submission([formula('a')]))
  await one.db.abandon('1', 'it failed')
  await query(url, 'UPDATE formula_intake.intents SET next_attempt_at = 0')
  t.match(await one.cleanups.due(10), [{ id: '1' }])
  t.same(await two.cleanups.due(10), [])
  t.ok((await heldMs(url)) <= OWNER_LEASE_MS)
  await setHeld(url, 1_000)
  await one.cleanups.heartbeat(['1'])
  t.ok((await heldMs(url)) > 1_000, 'it is heard of')
  await setHeld(url, -1)
  t.match(await two.cleanups.due(10), [{ id: '1' }])
})

t.test(
  'an attempt without heartbeats is rolled back by another instance, and its late completion refused',
  async (t) => {
    const { one, two, url } = await instances(t, 2)
    const wanted = formula('a')
    await one.db.add('1', submission([wanted]))
    await two.cleanups.heartbeat([])
    t.same(await two.cleanups.list(10), [], 'its owner is trusted at first')
    const held = await heldMs(url)
    t.ok(held > 0 && held <= OWNER_LEASE_MS, `for ${held} ms`)
    await setHeld(url, -1)
    await two.cleanups.heartbeat([])
    t.match(await two.cleanups.due(10), [{ id: '1', decision: { kind: 'abandoned' } }])
    t.same(await one.db.complete('1'), { kind: 'abandoned' })
    await one.cleanups.heartbeat(['1'])
    t.same(await one.db.complete('1'), { kind: 'abandoned' }, 'nor does it come back by being heard of again')
    await two.db.remove('1')
    t.match(await two.db.add('2', submission([wanted])), { kind: 'added' })
  },
)

t.test('an owner whose heartbeat arrives at the last moment keeps its attempt', async (t) => {
  const { one, two, url } = await instances(t, 2)
  await one.db.add('1', submission([formula('a')]))
  await setHeld(url, -1)
  await one.cleanups.heartbeat(['1'])
  await two.cleanups.heartbeat([])
  t.match(await one.db.complete('1'), { kind: 'completed' })
})

t.test('an attempt is completed or rolled back, whoever comes first', async (t) => {
  const { one, two, url } = await instances(t, 2)
  const ended = { completed: 0, abandoned: 0 }
  for (let round = 1; round <= 20; round++) {
    await one.db.add(`${round}`, submission([formula('a', `${round}`)]))
    await setHeld(url, -1)
    const [decision] = await Promise.all([one.db.complete(`${round}`), two.cleanups.heartbeat([])])
    ended[decision.kind]++
    const again = await two.db.complete(`${round}`)
    t.equal(again.kind, decision.kind, 'and it stays so')
    const isShown = (await two.db.get(formula('a', `${round}`).id)) !== null
    t.equal(isShown, decision.kind === 'completed')
    await query(url, `DELETE FROM formula_intake.intents WHERE state = 'completed'`)
  }
  t.comment(ended)
})

t.test('an event is leased to one consumer, whatever instance it asks', async (t) => {
  const { engines, one } = await instances(t, 4)
  const formulas = Array.from({ length: 200 }, (_, index) => formula(`${index}`, `${index + 1}`))
  await one.intake.accept(submission(formulas))
  const asked = engines.flatMap(({ queue }) => Array.from({ length: 20 }, () => queue.receive(DEFAULT, 3, 30_000)))
  const leased = (await Promise.all(asked)).flatMap(({ events }) => events)
  t.equal(leased.length, 200)
  t.equal(new Set(leased.map(({ id }) => id)).size, 200)
  const receipts = leased.map(({ receipt }) => receipt)
  const acks = await Promise.all(engines.map(({ queue }) => queue.ack(receipts)))
  t.equal(
    acks.reduce((sum, { accepted }) => sum + accepted, 0),
    200,
    'and acknowledged once',
  )
})

t.test('leases end by the time of the database', async (t) => {
  const { one, two, url } = await instances(t, 2)
  await one.intake.accept(submission([formula('a')]))
  const [lease] = (await one.queue.receive(DEFAULT, 1, 60_000)).events
  const shift = `UPDATE formula_intake.deliveries SET rank = floor(extract(epoch FROM clock_timestamp()) * 1000)`
  t.same((await two.queue.receive(DEFAULT, 1, 60_000)).events, [])
  await query(url, shift)
  t.same(await one.queue.ack([lease?.receipt ?? '']), { accepted: 0, stale: [lease?.receipt] })
  t.match((await two.queue.receive(DEFAULT, 1, 60_000)).events, [{ id: formula('a').id, receiveCount: 2 }])
})

t.test('connections that the server terminates, in use or idle, are replaced, and never end the process', async (t) => {
  const { one, url } = await instances(t, 1)
  const end = () => query(url, `SELECT pg_terminate_backend(pid) ${OURS}`)
  await Promise.all(Array.from({ length: 10 }, () => one.queue.stats(DEFAULT)))
  await end()
  await pause(50)
  t.match(await one.queue.stats(DEFAULT), { ready: 0 }, 'nobody meets those that were not in use')
  for (let round = 0; round < 5; round++) {
    const asked = Promise.allSettled(Array.from({ length: 20 }, () => one.queue.receive(DEFAULT, 1, 1_000)))
    await end()
    const refused = (await asked).filter((result) => result.status === 'rejected')
    t.ok(
      refused.every(({ reason }) => reason instanceof StoreUnavailable),
      `${refused.length} of 20 are refused`,
    )
  }
  await pause(50)
  t.equal(answerOf(await one.intake.accept(submission([formula('a')]))).status, 200)
})

t.test('a long poll at one instance is woken by an event stored at another', async (t) => {
  const { one, two, url } = await instances(t, 2)
  const poll = new LongPoll(two.queue, systemClock)
  t.teardown(() => poll.stop())
  await untilSomeoneListens(url)
  const waiting = poll.receive({ subscription: DEFAULT, caller: '', max: 1, leaseMs: 30_000, waitMs: 20_000 })
  await pause(50)
  const begun = performance.now()
  await one.intake.accept(submission([formula('a')]))
  t.match(await waiting, [{ id: formula('a').id }])
  t.ok(performance.now() - begun < 800, 'sooner than it would have asked again')
})

t.test('a consumer that waits at one instance is told when another removes its subscription', async (t) => {
  const { one, two, url } = await instances(t, 2)
  const poll = new LongPoll(two.queue, systemClock)
  t.teardown(() => poll.stop())
  await untilSomeoneListens(url)
  await one.queue.subscribe('erp', 'end')
  const request = { subscription: 'erp', caller: '', max: 1, leaseMs: 30_000, waitMs: 20_000 }
  const ended = t.rejects(poll.receive(request), { name: 'UnknownSubscription' })
  await pause(50)
  const begun = performance.now()
  t.equal(await one.queue.unsubscribe('erp'), true)
  await ended
  t.ok(performance.now() - begun < 800, 'sooner than it would have asked again')
})

t.test('a long poll still finds events when the connection for notifications is lost', async (t) => {
  const { one, two, url } = await instances(t, 2)
  const poll = new LongPoll(two.queue, systemClock)
  t.teardown(() => poll.stop())
  await untilSomeoneListens(url)
  await query(url, `SELECT pg_terminate_backend(pid) ${LISTENERS}`)
  const waiting = poll.receive({ subscription: DEFAULT, caller: '', max: 1, leaseMs: 30_000, waitMs: 20_000 })
  await one.intake.accept(submission([formula('a')]))
  t.match(await waiting, [{ id: formula('a').id }])
})

/** Waits until someone listens. */
async function untilSomeoneListens(url: string): Promise<void> {
  while ((await pick(url, `SELECT count(*)::int ${LISTENERS}`)) === 0) await pause(5)
}

t.test('a formula that was erased at one instance is not replayed from the memory of another', async (t) => {
  const url = await server.createDatabase()
  const [one, two] = [await startService(t, { DATABASE_URL: url }), await startService(t, { DATABASE_URL: url })]
  const { id } = formulasOf(await one.submit(sent(1), { key: 'k' }))[0] as { id: string }
  // The first replay of an instance asks for the number of erasures, the second is kept, the third comes from memory.
  for (let replay = 0; replay < 3; replay++) t.equal((await two.submit(sent(1), { key: 'k' })).statusCode, 200)
  t.equal((await one.send({ method: 'DELETE', url: `/formulas/${id}` })).statusCode, 204)
  errorOf(t, await two.submit(sent(1), { key: 'k' }), 410, 'FORMULA_ERASED')
  errorOf(t, await two.get(`/formulas/${id}`), 404, 'FORMULA_NOT_FOUND')
})

t.test('of instances that erase a formula at once, one does it in one transaction', async (t) => {
  const { engines, one } = await instances(t, 4)
  for (let round = 1; round <= 10; round++) {
    const stored = submission([formula(`a${round}`, `${round}.1`)])
    await one.intake.accept(stored)
    const erased = await Promise.all(engines.map(({ intake }) => intake.erase(stored.formulas[0]?.id ?? '')))
    t.same(erased.filter(Boolean).length, 1)
  }
  t.match(await contentsOf(one), { formulas: [], events: 0 })
})

t.test('of instances that begin to erase a formula at once, all join one erasure', async (t) => {
  const { engines, one } = await instances(t, 4)
  for (let round = 1; round <= 10; round++) {
    const stored = submission([formula(`a${round}`, `${round}.1`)])
    await one.intake.accept(stored)
    const id = stored.formulas[0]?.id ?? ''
    const erasures = await Promise.all(engines.map(({ db }, index) => db.erase(`${round}.${index}`, id)))
    t.equal(new Set(erasures.map((erasure) => erasure?.id)).size, 1)
    await one.db.finish(erasures[0]?.id ?? '')
    t.equal(await one.db.erase('again', id), null)
  }
})

t.test('a vacuum follows erasures, and many share one', async (t) => {
  const { url, one } = await instances(t, 1)
  const list = submission(Array.from({ length: 30 }, (_, n) => formula(`a${n}`, `${n + 1}`)))
  await one.intake.accept(list)
  await Promise.all(list.formulas.map(({ id }) => one.intake.erase(id)))
  const vacuums = `SELECT vacuum_count::int AS n FROM pg_stat_user_tables WHERE relname = 'formulas'`
  let count = 0
  for (let looks = 0; looks < 100 && count === 0; looks++) {
    await pause(100)
    count = (await pick(url, vacuums)) as number
  }
  t.ok(count > 0 && count < 30, `${count}`)
})
