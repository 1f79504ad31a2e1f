import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { Stores, Submission } from '../../src/stores/ports.ts'
import { submissionId } from '../contract/submissions.ts'
import { type Bench, contents, request, setUp } from '../support/submission/orchestrator-bench.ts'

const OWED = 200
/** The longest pause of the bench, in milliseconds. */
const LONGEST_PAUSE_MS = 10_000

/** Makes all that a submission and its rollback begin with fail. */
function takeAway({ db, intake }: Bench): void {
  for (const method of ['add', 'abandon'] as const) db.fail(method)
  for (const method of ['accept', 'giveUp'] as const) intake.fail(method)
}

function bringBack({ db, intake }: Bench): void {
  db.mend()
  intake.mend()
}

/** Submits under many keys at once. */
const submitMany = ({ finish, orchestrator }: Bench): Promise<unknown> =>
  finish(Promise.all(Array.from({ length: OWED }, (_, n) => orchestrator.submit(request(`k${n + 1}`, [`${n + 1}`])))))

const owed = async ({ orchestrator }: Bench): Promise<string[]> =>
  (await orchestrator.cleanups.list()).map(({ id }) => id)

/** Lets time pass, in milliseconds. */
const pass = ({ clock, finish }: Bench, ms: number): Promise<void> =>
  finish(new Promise((resolve) => clock.after(ms, resolve)))

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** How often settling has begun. */
const settles = ({ db, intake }: Bench): number => (db.calls.abandon ?? 0) + (intake.calls.giveUp ?? 0)

/** Slows the first step of settling down. @returns the most that ran at a time */
function gauge(stores: Stores, bench: Bench): { most: number } {
  const seen = { now: 0, most: 0 }
  const slow =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      seen.most = Math.max(seen.most, ++seen.now)
      await new Promise<void>((resolve) => bench.clock.after(100, resolve))
      seen.now--
      return call(...args)
    }
  if (stores.intake !== null) stores.intake.giveUp = slow(stores.intake.giveUp.bind(stores.intake))
  stores.db.abandon = slow(stores.db.abandon.bind(stores.db))
  return seen
}

for (const strategy of ['one transaction', 'saga'] as const) {
  t.test(`${strategy}: however many rollbacks are owed, a store that is away is asked for one at a time`, async (t) => {
    const bench = setUp(t, strategy, { retries: 1 })
    takeAway(bench)
    await submitMany(bench)
    t.equal((await owed(bench)).length, OWED)
    const [before, lines] = [settles(bench), bench.logged.length]
    await pass(bench, 60_000)
    t.ok(settles(bench) > before, 'it is asked again and again')
    t.ok(settles(bench) - before <= 20, `with backoff, ${settles(bench) - before} times`)
    t.ok(bench.logged.length - lines <= 20, `and logged so, in ${bench.logged.length - lines} lines`)
    bringBack(bench)
    await pass(bench, LONGEST_PAUSE_MS)
    t.same(await owed(bench), [], 'all are settled once it is back')
    t.same(bench.orchestrator.load, { submissions: 0, formulas: 0 })
    t.same(await contents(bench.real), { formulas: [], events: 0, cleanups: 0 })
    t.match(await bench.submit(request('k1', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
  })

  t.test(`${strategy}: a store that is back settles some tens of rollbacks at a time`, async (t) => {
    const bench = setUp(t, strategy, { retries: 1 })
    takeAway(bench)
    await submitMany(bench)
    const seen = gauge(bench.real, bench)
    bringBack(bench)
    await pass(bench, LONGEST_PAUSE_MS)
    t.same(await owed(bench), [])
    t.ok(seen.most > 1 && seen.most <= 32, `${seen.most} at a time`)
  })

  t.test(
    `${strategy}: a rollback that an operator retries is settled at once, whatever the others wait for`,
    async (t) => {
      const bench = setUp(t, strategy, { retries: 1, baseMs: 1_000_000, maxMs: 3_000_000 })
      takeAway(bench)
      await submitMany(bench)
      bringBack(bench)
      t.equal(await bench.orchestrator.cleanups.retry(submissionId(OWED)), true)
      await turns(5)
      t.notOk((await owed(bench)).includes(submissionId(OWED)))
    },
  )

  t.test(`${strategy}: closing waits for no store, however many rollbacks are owed`, async (t) => {
    const bench = setUp(t, strategy, { retries: 1 })
    takeAway(bench)
    await submitMany(bench)
    const before = settles(bench)
    await bench.orchestrator.close()
    t.equal(settles(bench), before)
  })
}

t.test('a rollback that fails again and again holds up no other', async (t) => {
  const bench = setUp(t, 'one transaction', { retries: 1 })
  const { intake } = bench.real as Required<Stores>
  const giveUp = intake?.giveUp.bind(intake)
  takeAway(bench)
  await submitMany(bench)
  Object.assign(intake as object, {
    giveUp: async (id: string) => {
      if (id === submissionId(1)) throw new Error('it fails')
      await giveUp?.(id)
    },
  })
  bringBack(bench)
  await pass(bench, 2 * LONGEST_PAUSE_MS)
  t.match(await bench.orchestrator.cleanups.list(), [{ id: submissionId(1), reason: 'it fails' }])
})

t.test('the documents of a submission whose rollback is owed are kept no longer', async (t) => {
  const bench = setUp(t, 'one transaction', { retries: 1 })
  const seen: WeakRef<Submission>[] = []
  Object.assign(bench.real.intake as object, {
    accept: async (submission: Submission) => {
      seen.push(new WeakRef(submission))
      throw new Error('the store is away')
    },
  })
  bench.intake.fail('giveUp')
  await submitMany(bench)
  t.equal(seen.length, OWED)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const kept = () => seen.filter((submission) => submission.deref() !== undefined).length
  for (let round = 0; round < 20 && kept() > 0; round++) {
    await turns(1)
    collect()
  }
  t.equal(kept(), 0)
  t.equal((await owed(bench)).length, OWED)
})
