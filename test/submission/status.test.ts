import t from 'tap'
import type { Outcome } from '../../src/submission/submission.ts'
import { NOON } from '../contract/submissions.ts'
import { type Bench, ranElsewhere, request, setUp } from '../support/submission/orchestrator-bench.ts'

/** Begins a submission whose first attempt fails, so that it pauses before the next. */
function beginPaused({ db, intake, orchestrator }: Bench): Promise<Outcome> {
  db.fail('add', 'before', 1)
  intake.fail('accept', 'before', 1)
  return orchestrator.submit(request('k', ['1', '2']))
}

for (const strategy of ['one transaction', 'saga'] as const) {
  t.test(`${strategy}: a submission is unfinished while it runs, then done, whatever repeats it`, async (t) => {
    const bench = setUp(t, strategy)
    const status = () => bench.orchestrator.status('', 'k')
    t.equal(await status(), null)
    const running = beginPaused(bench)
    t.same(await status(), { submittedAt: NOON })
    t.equal(await bench.orchestrator.status('lab', 'k'), null, 'of another caller')
    await bench.finish(running)
    const done = { submittedAt: NOON, status: 200, formulaIds: request('k', ['1', '2']).formulas.map(({ id }) => id) }
    t.same(await status(), done)
    bench.clock.advance(5_000)
    const repeats = [['1', '2'], ['3']].map((one) => bench.orchestrator.submit(request('k', one)))
    t.same(await status(), done)
    await bench.finish(Promise.all(repeats))
  })

  t.test(`${strategy}: a submission that failed leaves no state, but has one until it is rolled back`, async (t) => {
    const bench = setUp(t, strategy, { retries: 1 })
    bench.intake.fail('accept')
    bench.intake.fail('giveUp')
    bench.queue.fail('publish')
    bench.queue.fail('remove')
    t.same(await bench.submit(request('k', ['1'])), { kind: 'failed' })
    t.same(await bench.orchestrator.status('', 'k'), { submittedAt: NOON })
    bench.intake.mend()
    bench.queue.mend()
    const retried = bench.submit(request('k', ['1'], { onDuplicate: 'skip' }))
    t.match(await retried, { kind: 'answered' }, 'waits for the rollback')
    bench.intake.fail('accept')
    bench.queue.fail('publish')
    t.same(await bench.submit(request('k2', ['2'])), { kind: 'failed' })
    t.equal(await bench.orchestrator.status('', 'k2'), null)
  })

  t.test(`${strategy}: a submission that ends while its state is looked up is never unknown`, async (t) => {
    const bench = setUp(t, strategy)
    const running = beginPaused(bench)
    const lookUp = bench.real.idempotency.status
    bench.real.idempotency.status = async (...args) => {
      const found = await lookUp(...args)
      await running
      return found
    }
    t.same(await bench.finish(bench.orchestrator.status('', 'k')), { submittedAt: NOON })
  })
}

t.test('a saga of another process counts as unfinished', async (t) => {
  const bench = setUp(t, 'saga')
  await bench.real.db.add('x.1', ranElsewhere(request('k', ['1']), 'x'))
  bench.clock.advance(1_000)
  const waiting = bench.orchestrator.submit(request('k', ['1']))
  t.same(await bench.orchestrator.status('', 'k'), { submittedAt: NOON }, 'its own time, not that of the repeat')
  await bench.finish(waiting)
})
