import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { OpenAttempt } from '../../src/stores/ports.ts'
import { Saga } from '../../src/submission/commit-strategy.ts'
import { unobserved } from '../../src/submission/options.ts'
import { events, formula, submission } from '../contract/submissions.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { query, startPostgres } from '../support/postgres/server.ts'
import { TestClock } from '../support/test-clock.ts'

// Only the service vacuums.
const server = await startPostgres({ durable: false, settings: { autovacuum: 'off' } })
t.teardown(() => server.stop())

const ISOLATIONS = ['read committed', 'repeatable read', 'serializable']
/** Much longer than a vacuum takes that nothing holds up. */
const PATIENCE_MS = 7_000
const VACUUMS = `FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'VACUUM%' AND state = 'active'`

const pick = async (url: string, statement: string): Promise<unknown> =>
  Object.values((await query<Record<string, unknown>>(url, statement))[0] ?? {})[0]

const vacuums = (url: string): Promise<unknown> => pick(url, `SELECT count(*)::int ${VACUUMS}`)

/** How often a table was vacuumed. */
const countOf = (url: string, table: string): Promise<unknown> =>
  pick(url, `SELECT vacuum_count::int FROM pg_stat_user_tables WHERE relname = '${table}'`)

/** Waits until a condition holds. @throws {Error} when it does not for long */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${holds}`)
    await pause(10)
  }
}

const untilVacuums = (url: string, count: number): Promise<void> => until(async () => (await vacuums(url)) === count)

/** Waits until the file of a table is empty: a vacuum has removed all its rows. */
const untilEmpty = (url: string, table: string): Promise<void> =>
  until(async () => (await pick(url, `SELECT pg_relation_size('formula_intake.${table}')::int`)) === 0)

/** An engine on an empty database, and the ids of the formulas that are stored there. */
async function setUp(t: Test, options: Parameters<typeof openEngine>[2] = {}, isolation = 'read committed') {
  const url = await server.createDatabase()
  const name = new URL(url).pathname.slice(1)
  await query(server.url(), `ALTER DATABASE ${name} SET default_transaction_isolation = '${isolation}'`)
  const engine = await openEngine(t, url, options)
  const list = submission([formula('a', '1'), formula('b', '2')])
  await engine.intake.accept(list)
  const [a, b] = list.formulas.map(({ id }) => id) as [string, string]
  return { url, engine, a, b }
}

/** Holds up every vacuum, and nothing else. @returns a function that lets them go on */
async function holdUp(t: Test, url: string): Promise<() => Promise<unknown>> {
  const holder = new pg.Client({ connectionString: url })
  holder.on('error', () => {})
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('BEGIN; LOCK TABLE formula_intake.formulas IN SHARE UPDATE EXCLUSIVE MODE')
  return () => holder.query('COMMIT')
}

for (const isolation of ISOLATIONS) {
  t.test(`${isolation}: the rows of erased formulas leave the file of their table`, async (t) => {
    const { url, engine, a, b } = await setUp(t, {}, isolation)
    await engine.intake.erase(a)
    await engine.intake.erase(b)
    await t.resolves(untilEmpty(url, 'formulas'))
    await until(async () => ((await countOf(url, 'intents')) as number) > 0)
  })
}

t.test('an erasure that finishes a submission leaves nothing of it in the file of the intents', async (t) => {
  const url = await server.createDatabase()
  const { db, idempotency } = await openEngine(t, url)
  const { queue } = await openEngine(t, await server.createDatabase())
  const saga = new Saga({ db, queue, idempotency }, unobserved, () => {})
  const list = submission([formula('a', '1')])
  await db.add('1', list)
  await queue.publish('1', events('a'))
  await db.complete('1')
  const erasure = await db.erase('2', list.formulas[0]?.id ?? '')
  await until(async () => ((await countOf(url, 'intents')) as number) > 0)
  t.equal(await pick(url, "SELECT event_bodies <> '{}' FROM formula_intake.intents WHERE id = '1'"), true)
  await saga.recover(erasure as OpenAttempt)
  await t.resolves(untilEmpty(url, 'intents'))
  await t.resolves(untilEmpty(url, 'formulas'))
})

t.test('however long a vacuum takes, it is awaited, and there is one at a time', async (t) => {
  // Time limits of 10 seconds and more pass in a fiftieth of that.
  const { setTimeout } = globalThis
  const quick = (run: () => void, ms = 0, ...rest: []) => setTimeout(run, ms < 10_000 ? ms : ms / 50, ...rest)
  t.intercept(globalThis, 'setTimeout', { value: quick })
  const { url, engine, a, b } = await setUp(t)
  const goOn = await holdUp(t, url)
  await engine.intake.erase(a)
  await untilVacuums(url, 1)
  await engine.intake.erase(b)
  await pause(500)
  t.equal(await vacuums(url), 1)
  await goOn()
  await until(async () => (await countOf(url, 'formulas')) === 2)
})

t.test('a stop does not wait for a vacuum, which the server completes', async (t) => {
  const { url, engine, a, b } = await setUp(t)
  const goOn = await holdUp(t, url)
  await engine.intake.erase(a)
  await engine.intake.erase(b)
  await untilVacuums(url, 1)
  const ended = await Promise.race([engine.close().then(() => true), pause(PATIENCE_MS, false)])
  t.equal(ended, true)
  await goOn()
  await t.resolves(untilEmpty(url, 'formulas'))
})

t.test('a vacuum whose connection breaks is run again after a minute', async (t) => {
  const clock = new TestClock()
  const { url, engine, a, b } = await setUp(t, { clock })
  const goOn = await holdUp(t, url)
  await engine.intake.erase(a)
  await engine.intake.erase(b)
  await untilVacuums(url, 1)
  await query(url, `SELECT pg_terminate_backend(pid) ${VACUUMS}`)
  await goOn()
  await until(() => clock.waiting > 0)
  clock.advance(59_999)
  await pause(100)
  t.same([await vacuums(url), await countOf(url, 'formulas')], [0, 0])
  clock.advance(1)
  await t.resolves(untilEmpty(url, 'formulas'))
})

t.test('a vacuum that an operator cancels is not run again until the next erasure', async (t) => {
  const clock = new TestClock()
  const { url, engine, a, b } = await setUp(t, { clock })
  const goOn = await holdUp(t, url)
  await engine.intake.erase(a)
  await untilVacuums(url, 1)
  await query(url, `SELECT pg_cancel_backend(pid) ${VACUUMS}`)
  await untilVacuums(url, 0)
  await goOn()
  await pause(100)
  t.same([clock.waiting, await countOf(url, 'formulas')], [0, 0])
  await engine.intake.erase(b)
  await t.resolves(untilEmpty(url, 'formulas'))
})
