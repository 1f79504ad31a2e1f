import t from 'tap'
import { submissionId } from '../contract/submissions.ts'
import { contents, request, setUp } from '../support/submission/orchestrator-bench.ts'

const EMPTY = { formulas: [], events: 0, cleanups: 0 }

t.test('saga: a formula is added and published once when nothing fails', async (t) => {
  const bench = setUp(t, 'saga')
  t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
  t.match(bench.db.calls, { add: 1, complete: 1, finish: 1 })
  t.match(bench.queue.calls, { publish: 1, release: 1 })
  t.equal(bench.db.calls.remove, undefined)
  t.equal(bench.queue.calls.remove, undefined)
  t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 1, cleanups: 0 })
})

for (const fault of ['before', 'after'] as const) {
  t.test(`saga: when adding always fails (${fault} its effect), each attempt is rolled back`, async (t) => {
    const bench = setUp(t, 'saga')
    bench.db.fail('add', fault)
    t.same(await bench.submit(request('k', ['1', '2'])), { kind: 'failed' })
    t.match(bench.db.calls, { add: 3, abandon: 3, remove: 3 })
    t.equal(bench.queue.calls.publish, undefined)
    t.same(await contents(bench.real), EMPTY)
    bench.db.mend()
    t.match(
      await bench.submit(request('k', ['1', '2'])),
      { kind: 'answered', replayed: false },
      'the key is free again',
    )
  })

  t.test(`saga: when publishing always fails (${fault} its effect), both stores are rolled back`, async (t) => {
    const bench = setUp(t, 'saga')
    bench.queue.fail('publish', fault)
    t.same(await bench.submit(request('k', ['1'])), { kind: 'failed' })
    t.match(bench.db.calls, { add: 3, remove: 3 })
    t.match(bench.queue.calls, { publish: 3, remove: 3 })
    t.same(await contents(bench.real), EMPTY)
    bench.queue.mend()
    t.match(
      await bench.submit(request('other', ['1'])),
      { kind: 'answered', replayed: false },
      'the composition is free again',
    )
  })

  t.test(`saga: two failed publishes (${fault} their effect), then success: stored once, one event`, async (t) => {
    const bench = setUp(t, 'saga')
    bench.queue.fail('publish', fault, 2)
    t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
    t.match(bench.db.calls, { add: 3, remove: 2 })
    t.match(bench.queue.calls, { publish: 3, remove: 2, release: 1 })
    t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 1, cleanups: 0 })
  })

  t.test(`saga: a commit point that fails once (${fault} its effect) is looked up, never run twice`, async (t) => {
    const bench = setUp(t, 'saga')
    bench.db.fail('complete', fault, 1)
    t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
    t.equal(bench.db.calls.add, fault === 'after' ? 1 : 2)
    t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 1, cleanups: 0 })
  })

  t.test(`one transaction: accepting fails twice (${fault} its effect), then succeeds: stored once`, async (t) => {
    const bench = setUp(t, 'one transaction')
    bench.intake.fail('accept', fault, 2)
    t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
    t.equal(bench.intake.calls.accept, 3)
    t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 1, cleanups: 0 })
  })
}

t.test('one transaction: a submission whose every attempt fails leaves nothing', async (t) => {
  const bench = setUp(t, 'one transaction')
  bench.intake.fail('accept')
  t.same(await bench.submit(request('k', ['1'])), { kind: 'failed' })
  t.match(bench.intake.calls, { accept: 3, giveUp: 1 })
  t.same(await contents(bench.real), EMPTY)
  bench.intake.mend()
  t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false })
})

t.test('one transaction: the store gets the time after which nobody waits for the call', async (t) => {
  const bench = setUp(t, 'one transaction', { deadlineMs: 30_000 })
  const told: (number | undefined)[] = []
  const accept = bench.real.intake?.accept.bind(bench.real.intake)
  Object.assign(bench.real.intake ?? {}, {
    accept(...[submission, notAfter]: Parameters<NonNullable<typeof accept>>) {
      told.push(notAfter)
      return accept?.(submission, notAfter)
    },
  })
  const begun = bench.clock.now()
  await bench.submit(request('k', ['1']))
  t.same(told, [begun + 29_000], 'the last second is for finding out what became of it')
})

t.test('one transaction: a commit whose reply is always lost is found by its key', async (t) => {
  const bench = setUp(t, 'one transaction')
  bench.intake.fail('accept', 'after')
  t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
  t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 1, cleanups: 0 })
})

for (const strategy of ['one transaction', 'saga'] as const) {
  t.test(`${strategy}: a conflict is never retried`, async (t) => {
    const bench = setUp(t, strategy)
    await bench.submit(request('a', ['1']))
    const before = bench.clock.now()
    t.match(await bench.submit(request('b', ['2', '1'])), { kind: 'answered', answer: { status: 409 } })
    t.equal(strategy === 'saga' ? bench.db.calls.add : bench.intake.calls.accept, 2)
    t.ok(bench.clock.now() - before < 1_000, 'without a pause')
    t.same((await contents(bench.real)).formulas, ['Formula 1'], 'and nothing of the list is kept')
  })

  t.test(`${strategy}: a list is added as a whole, one event each`, async (t) => {
    const bench = setUp(t, strategy)
    t.match(await bench.submit(request('a', ['1', '2', '3'])), { kind: 'answered', answer: { status: 200 } })
    t.same(await contents(bench.real), { formulas: ['Formula 3', 'Formula 2', 'Formula 1'], events: 3, cleanups: 0 })
  })

  t.test(`${strategy}: a store that never answers is given up at the deadline`, async (t) => {
    const bench = setUp(t, strategy)
    if (strategy === 'saga') bench.db.fail('add', 'hang')
    else bench.intake.fail('accept', 'hang')
    const before = bench.clock.now()
    t.same(await bench.submit(request('k', ['1'])), { kind: 'failed' })
    t.ok(bench.clock.now() - before <= 30_100, 'the deadline bounds it all')
  })
}

t.test('saga: a commit whose reply and look-up are lost is found by the next attempt', async (t) => {
  const bench = setUp(t, 'saga')
  bench.db.fail('complete', 'after', 1)
  bench.db.fail('abandon', 'before', 1)
  t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
  t.equal(bench.db.calls.add, 1)
  t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 1, cleanups: 0 })
})

t.test('saga: a stored 409 whose reply is lost, even on the last try, is found by its key', async (t) => {
  const bench = setUp(t, 'saga', { retries: 1 })
  await bench.submit(request('a', ['1']))
  bench.db.fail('add', 'after')
  t.match(await bench.submit(request('b', ['1'])), { kind: 'answered', replayed: false, answer: { status: 409 } })
})

t.test('saga: an attempt that another process rolled back is retried as a new attempt', async (t) => {
  const bench = setUp(t, 'saga')
  await bench.real.queue.remove(`${submissionId(1)}.1`)
  t.match(await bench.submit(request('k', ['1'])), { kind: 'answered', replayed: false, answer: { status: 200 } })
  t.match(bench.db.calls, { add: 2, remove: 1 })
  t.same(await contents(bench.real), { formulas: ['Formula 1'], events: 1, cleanups: 0 })
})
