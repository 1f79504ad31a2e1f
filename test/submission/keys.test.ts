import t from 'tap'
import type { Intake, Stores } from '../../src/stores/ports.ts'
import { payloadHash } from '../../src/submission/submission.ts'
import { contents, ranElsewhere, request, setUp } from '../support/submission/orchestrator-bench.ts'

t.test('of many submissions with one key exactly one runs, and all others replay it', async (t) => {
  const bench = setUp(t, 'saga')
  const all = Array.from({ length: 20 }, () => bench.orchestrator.submit(request('k', ['1'])))
  const outcomes = await bench.finish(Promise.all(all))
  t.equal(outcomes.filter((outcome) => outcome.kind === 'answered' && !outcome.replayed).length, 1)
  for (const outcome of outcomes) t.same({ ...outcome, replayed: false }, { ...outcomes[0], replayed: false })
  t.equal(bench.db.calls.add, 1)
})

t.test('a second payload under a running key is refused at once', async (t) => {
  const bench = setUp(t, 'one transaction')
  bench.intake.fail('accept', 'hang')
  const first = bench.orchestrator.submit(request('k', ['1']))
  t.same(await bench.orchestrator.submit(request('k', ['2'])), { kind: 'reused' }, 'while the clock stands still')
  t.same(await bench.finish(first), { kind: 'failed' })
})

t.test('a finished submission is replayed even while its key is being tried with another payload', async (t) => {
  const bench = setUp(t, 'one transaction')
  const first = await bench.submit(request('k', ['1']))
  bench.intake.fail('accept', 'hang')
  const other = bench.orchestrator.submit(request('k', ['2']))
  t.same(await bench.submit(request('k', ['1'])), { ...first, replayed: true })
  t.same(await bench.submit(request('k', ['3'])), { kind: 'reused' })
  await bench.finish(other)
})

t.test('two callers may use the same key, also at the same time', async (t) => {
  const bench = setUp(t, 'one transaction')
  const callers = ['paris', 'grasse'].map((caller, index) =>
    bench.orchestrator.submit(request('k', [`${index + 1}`], { caller })),
  )
  for (const outcome of await bench.finish(Promise.all(callers))) {
    t.match(outcome, { kind: 'answered', replayed: false, answer: { status: 200 } })
  }
})

t.test('a repeat stops waiting after the longest wait, and the submission goes on', async (t) => {
  const bench = setUp(t, 'one transaction', { waitMs: 1_000 })
  bench.intake.fail('accept', 'hang', 1)
  const first = bench.orchestrator.submit(request('k', ['1']))
  t.same(await bench.submit(request('k', ['1'])), { kind: 'in-use' })
  t.same(await bench.finish(first), { kind: 'failed' })
})

t.test('when the first ends without an answer, one waiter takes its place and the others wait on it', async (t) => {
  const bench = setUp(t, 'one transaction', { retries: 1 })
  bench.intake.fail('accept', 'before', 1)
  const all = [1, 2, 3, 4].map(() => bench.orchestrator.submit(request('k', ['1'])))
  const [first, second, ...others] = await bench.finish(Promise.all(all))
  t.same(first, { kind: 'failed' })
  t.match(second, { kind: 'answered', replayed: false })
  for (const other of others) t.match(other, { kind: 'answered', replayed: true })
  t.equal(bench.intake.calls.accept, 2)
})

t.test('a composition held by an unfinished submission is waited for, not called a duplicate', async (t) => {
  const bench = setUp(t, 'saga', { retries: 1 })
  bench.queue.fail('publish', 'before', 1)
  const first = bench.orchestrator.submit(request('a', ['1']))
  const second = bench.orchestrator.submit(request('b', ['1']))
  t.same(await bench.finish(first), { kind: 'failed' })
  t.match(await bench.finish(second), { kind: 'answered', answer: { status: 200 } })
})

t.test('lists that hold the same compositions in another order do not block each other', async (t) => {
  const bench = setUp(t, 'saga')
  const both = [
    ['1', '2'],
    ['2', '1'],
  ].map((list, index) => bench.orchestrator.submit(request(`k${index}`, list)))
  t.match(await bench.finish(Promise.all(both)), [{ answer: { status: 200 } }, { answer: { status: 409 } }])
})

t.test('closing ends waits and retry pauses at once, and stores nothing of them', async (t) => {
  const bench = setUp(t, 'one transaction')
  bench.intake.fail('accept')
  const running = bench.orchestrator.submit(request('k', ['1']))
  const waiting = bench.orchestrator.submit(request('k', ['1']))
  await new Promise((resolve) => setImmediate(resolve))
  bench.orchestrator.stop()
  t.same(await Promise.all([running, waiting]), [{ kind: 'stopping' }, { kind: 'stopping' }])
  t.same(await contents(bench.real), { formulas: [], events: 0, cleanups: 0 })
})

t.test('a closing service lets a running attempt end', async (t) => {
  const bench = setUp(t, 'saga')
  const running = bench.orchestrator.submit(request('k', ['1']))
  await bench.orchestrator.close()
  t.match(await running, { kind: 'answered', answer: { status: 200 } })
})

t.test('closing waits for an attempt that its store has not answered yet', async (t) => {
  const bench = setUp(t, 'one transaction')
  const answered = Promise.withResolvers<void>()
  const { intake } = bench.real as Stores & { intake: Intake }
  const accept = intake.accept.bind(intake)
  intake.accept = (submission) => answered.promise.then(() => accept(submission))
  const running = bench.orchestrator.submit(request('k', ['1']))
  let closed = false
  const closing = bench.orchestrator.close().then(() => {
    closed = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(closed)
  answered.resolve()
  await closing
  t.match(await running, { kind: 'answered', answer: { status: 200 } })
})

t.test('a key whose submission runs in another process waits, then gets 409', async (t) => {
  const bench = setUp(t, 'saga', { waitMs: 1_000 })
  const other = request('k', ['1'])
  await bench.real.db.add('other.1', ranElsewhere(other, 'other'))
  t.same(await bench.submit(other), { kind: 'in-use' })
  t.same(await bench.submit(request('k', ['2'])), { kind: 'reused' })
})

t.test('names, the order of a list and onDuplicate are part of the payload', async (t) => {
  const { formulas } = request('k', ['1', '2'])
  const base = payloadHash({ onDuplicate: 'reject', formulas })
  t.equal(payloadHash({ onDuplicate: 'reject', formulas: request('k', ['1', '2']).formulas }), base)
  t.not(payloadHash({ onDuplicate: 'skip', formulas }), base)
  t.not(payloadHash({ onDuplicate: 'reject', formulas: formulas.toReversed() }), base)
  t.not(payloadHash({ onDuplicate: 'reject', formulas: formulas.map((f) => ({ ...f, name: 'Other' })) }), base)
})
