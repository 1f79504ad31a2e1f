import t from 'tap'
import type { Outcome } from '../../src/submission/submission.ts'
import { DEFAULT } from '../contract/leasing.ts'
import { submissionId } from '../contract/submissions.ts'
import { type Bench, contents, ranElsewhere, request, setUp } from '../support/submission/orchestrator-bench.ts'
import { until } from '../support/until.ts'

/** Lets time pass, in milliseconds. */
const pass = ({ clock, finish }: Bench, ms: number): Promise<void> =>
  finish(new Promise((resolve) => clock.after(ms, resolve)))

/** Lets time pass until no cleanup is pending. */
const settled = ({ finish, orchestrator }: Bench): Promise<void> =>
  finish(until(async () => (await orchestrator.cleanups.list()).length === 0, 0))

t.test('a rollback that fails half-way becomes a cleanup and is finished later', async (t) => {
  const bench = setUp(t, 'saga')
  await bench.orchestrator.start()
  bench.queue.fail('publish')
  bench.queue.fail('remove')
  t.same(await bench.submit(request('k', ['1', '2'])), { kind: 'failed' })
  const [cleanup, ...rest] = await bench.orchestrator.cleanups.list()
  t.same(rest, [], 'one rollback is listed once')
  t.same(
    cleanup?.formulaIds,
    request('k', ['1', '2']).formulas.map(({ id }) => id),
  )
  t.match(cleanup?.reason, /fails/)
  t.same((await contents(bench.real)).formulas, [], 'nobody sees what is being rolled back')
  bench.queue.mend()
  await settled(bench)
  t.same(await contents(bench.real), { formulas: [], events: 0, cleanups: 0 })
  t.match(await bench.submit(request('k', ['1', '2'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
})

t.test('a rollback that fails half-way stays in the database until the queue is rolled back', async (t) => {
  const bench = setUp(t, 'saga')
  bench.queue.fail('publish', 'after')
  bench.queue.fail('remove')
  t.same(await bench.submit(request('k', ['1'])), { kind: 'failed' })
  t.match(
    await bench.real.cleanups.list(10),
    [{ id: `${submissionId(1)}.1` }],
    'a process that starts now would find it',
  )
  bench.queue.mend()
  await settled(bench)
  t.same(await bench.real.cleanups.list(10), [])
  t.equal(await bench.real.queue.publish(`${submissionId(1)}.1`, []), false, 'and the queue has its tombstone')
})

t.test('while a cleanup is pending, submissions of its key or compositions wait, then get 503', async (t) => {
  const bench = setUp(t, 'saga')
  bench.queue.fail('publish')
  bench.queue.fail('remove')
  await bench.submit(request('k', ['1']))
  bench.queue.mend()
  bench.queue.fail('remove')
  t.same(await bench.submit(request('k', ['1'])), { kind: 'failed' }, 'same key')
  t.same(await bench.submit(request('k', ['3'])), { kind: 'failed' }, 'same key, other payload')
  t.same(await bench.submit(request('other', ['1'])), { kind: 'failed' }, 'same composition')
  bench.queue.mend()
  t.match(await bench.submit(request('free', ['2'])), { kind: 'answered', answer: { status: 200 } }, 'others go on')
})

t.test('a waiting submission runs as soon as the cleanup it waits for is done', async (t) => {
  const bench = setUp(t, 'saga')
  bench.queue.fail('publish')
  bench.queue.fail('remove')
  await bench.submit(request('k', ['1']))
  const waiting = bench.orchestrator.submit(request('other', ['1']))
  bench.queue.mend()
  t.match(await bench.finish(waiting), { kind: 'answered', replayed: false, answer: { status: 200 } })
})

for (const strategy of ['saga', 'one transaction'] as const) {
  t.test(
    `${strategy}: a rollback that no store could record is kept by the process, listed and finished`,
    async (t) => {
      const bench = setUp(t, strategy)
      for (const method of ['add', 'abandon'] as const) bench.db.fail(method)
      for (const method of ['accept', 'giveUp'] as const) bench.intake.fail(method)
      t.same(await bench.submit(request('k', ['1'])), { kind: 'failed' })
      t.match(await bench.orchestrator.cleanups.list(), [
        { id: submissionId(1), attempts: 0, formulaIds: [/^[0-9a-f]{64}$/] },
      ])
      t.equal(await bench.orchestrator.cleanups.retry(submissionId(1)), true)
      t.equal(await bench.orchestrator.cleanups.retry('nobody'), false)
      await pass(bench, 5_000)
      t.match(await bench.orchestrator.cleanups.list(), [{ reason: /fails/ }])
      bench.db.mend()
      bench.intake.mend()
      await settled(bench)
      t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
    },
  )
}

t.test('a commit that could not be confirmed in time is replayed once the store answers again', async (t) => {
  const bench = setUp(t, 'one transaction')
  bench.intake.fail('accept', 'after')
  bench.intake.fail('giveUp')
  t.same(await bench.submit(request('k', ['1'])), { kind: 'failed' })
  bench.intake.mend()
  await settled(bench)
  t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: true, answer: { status: 200 } })
  t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 1, cleanups: 0 })
})

t.test('a request that waits for a rollback gets the stored answer, or 422, if the commit had succeeded', async (t) => {
  const bench = setUp(t, 'one transaction')
  bench.intake.fail('accept', 'after')
  bench.intake.fail('giveUp')
  await bench.submit(request('k', ['1']))
  const waiting = ['1', '2'].map((concentration) => bench.orchestrator.submit(request('k', [concentration])))
  bench.intake.mend()
  t.match(await bench.finish(Promise.all(waiting)), [{ kind: 'answered', replayed: true }, { kind: 'reused' }])
})

t.test('a key is free as soon as the recovery worker has finished its rollback', async (t) => {
  const bench = setUp(t, 'saga', { baseMs: 1_000_000, maxMs: 3_000_000 })
  await bench.orchestrator.start()
  bench.queue.fail('remove')
  bench.db.fail('complete')
  t.same(await bench.submit(request('k', ['1'])), { kind: 'failed' })
  const [cleanup] = await bench.orchestrator.cleanups.list()
  bench.queue.mend()
  bench.db.mend()
  t.equal(await bench.orchestrator.cleanups.retry(cleanup?.id ?? ''), true)
  t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
  t.same(await bench.orchestrator.cleanups.list(), [])
})

t.test('thousands of old marks are swept within seconds, but not those of unfinished submissions', async (t) => {
  const bench = setUp(t, 'saga')
  for (let number = 0; number < 5_000; number++) await bench.real.queue.release(`old.${number}`, [])
  bench.clock.advance(1_000)
  await bench.orchestrator.start()
  bench.db.fail('finish')
  t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', answer: { status: 200 } })
  bench.clock.advance(25 * 3_600_000)
  await pass(bench, 15_000)
  t.equal(await bench.real.queue.sweep(bench.clock.now() - 86_400_000, 1_000), 1, 'only that of the open one is left')
  t.match(await bench.real.queue.stats(DEFAULT), { ready: 1 }, 'and its event was not published anew')
})

t.test('start-up rolls back any number of orphans', async (t) => {
  const bench = setUp(t, 'saga')
  for (let number = 1; number <= 250; number++) {
    const submission = ranElsewhere(request(`k${number}`, [`${number}`]), `crashed-${number}`)
    await bench.real.db.add(`crashed-${number}.1`, submission)
  }
  await bench.orchestrator.start()
  t.same(await contents(bench.real), { formulas: [], events: 0, cleanups: 0 })
})

t.test('saga: after the commit point it only goes forward: events are released later', async (t) => {
  const bench = setUp(t, 'saga')
  await bench.orchestrator.start()
  bench.queue.fail('release')
  t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', answer: { status: 200 } })
  t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 0, cleanups: 0 })
  await pass(bench, 20_000)
  bench.queue.mend()
  await pass(bench, 20_000)
  t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 1, cleanups: 0 })
  t.ok((bench.cleanups.calls.postpone ?? 0) > 0, 'each failure puts the next try off')
})

t.test('start-up rolls back what a crash has interrupted before the commit point', async (t) => {
  const bench = setUp(t, 'saga')
  const submission = ranElsewhere(request('k', ['1']), 'crashed')
  const added = await bench.real.db.add('crashed.1', submission)
  await bench.real.queue.publish('crashed.1', added.kind === 'added' ? added.events : [])
  await bench.orchestrator.start()
  t.same(await contents(bench.real), { formulas: [], events: 0, cleanups: 0 })
  t.equal(await bench.real.queue.publish('crashed.1', []), false, 'a publish that arrives late is refused')
  t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
})

t.test('start-up releases what a crash has interrupted after the commit point', async (t) => {
  const bench = setUp(t, 'saga')
  const submission = ranElsewhere(request('k', ['1']), 'crashed')
  await bench.real.db.add('crashed.1', submission)
  await bench.real.db.complete('crashed.1')
  await pass(bench, 6_000)
  await bench.orchestrator.start()
  t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 1, cleanups: 0 })
})

t.test(
  'cleanups in progress are in every heartbeat, also at start-up, so that other instances leave them alone',
  async (t) => {
    const bench = setUp(t, 'saga')
    await bench.real.db.add('crashed.1', ranElsewhere(request('k', ['1']), 'crashed'))
    await bench.real.db.abandon('crashed.1', 'tested')
    await pass(bench, 6_000)
    const said: string[][] = []
    bench.real.cleanups.heartbeat = async (running) => void said.push(running)
    bench.queue.fail('remove', 'hang', 1)
    const started = bench.orchestrator.start()
    await pass(bench, 3_000)
    t.same(said.at(-1), ['crashed.1'])
    await bench.finish(started)
    await pass(bench, 30_000)
    t.same(said.at(-1), [], 'until it is done, or put off')
    t.same(await bench.real.cleanups.list(10), [])
  },
)

t.test('a cleanup that an operator retries runs at once', async (t) => {
  const bench = setUp(t, 'saga')
  await bench.orchestrator.start()
  const submission = ranElsewhere(request('k', ['1']), 'other')
  await bench.real.db.add('other.1', submission)
  await bench.real.db.abandon('other.1', 'tested')
  t.equal(await bench.orchestrator.cleanups.retry('other.1'), true)
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  t.same(await bench.orchestrator.cleanups.list(), [])
})

t.test('expired keys and old marks are swept in the background', async (t) => {
  const bench = setUp(t, 'saga')
  await bench.orchestrator.start()
  await bench.submit(request('k', ['1']))
  bench.clock.advance(2 * 86_400_000)
  bench.idempotency.fail('sweep', 'before', 1)
  await pass(bench, 30_000)
  t.equal(await bench.real.idempotency.find('', 'k'), null)
  t.ok((bench.idempotency.calls.sweep ?? 0) >= 2, 'a failed sweep is tried again')
  t.ok((bench.queue.calls.sweep ?? 0) >= 1)
})

t.test('closing ends background work, even while a rollback is pending', async (t) => {
  const bench = setUp(t, 'one transaction')
  await bench.orchestrator.start()
  bench.intake.fail('accept')
  bench.intake.fail('giveUp')
  const outcome: Outcome = await bench.submit(request('k', ['1']))
  t.same(outcome, { kind: 'failed' })
  await bench.orchestrator.close()
  t.same(await bench.orchestrator.submit(request('k2', ['1'])), { kind: 'stopping' })
})
