import t, { type Test } from 'tap'
import type { SubmissionObserver } from '../../src/submission/options.ts'
import { type Bench, request, setUp } from '../support/submission/orchestrator-bench.ts'

interface Counts {
  added: number
  retries: number
  done: number
  interrupted: number
}

/** An orchestrator, and the events it has reported so far. */
function observed(t: Test, strategy: 'one transaction' | 'saga'): { bench: Bench; counts: Counts } {
  const counts: Counts = { added: 0, retries: 0, done: 0, interrupted: 0 }
  const observer: SubmissionObserver = {
    added(formulas) {
      counts.added += formulas
    },
    retried() {
      counts.retries++
    },
    rolledBack(result) {
      counts[result]++
    },
  }
  return { bench: setUp(t, strategy, { observer }), counts }
}

const list = (key: string, concentrations: string[]) => request(key, concentrations, { single: false })

t.test('saga: each rolled-back attempt and each retry is reported; added formulas are reported once', async (t) => {
  const { bench, counts } = observed(t, 'saga')
  bench.queue.fail('publish', 'before', 2)
  await bench.submit(list('k', ['1', '2']))
  t.same(counts, { added: 2, retries: 2, done: 2, interrupted: 0 })
})

t.test('one transaction: a failed attempt leaves nothing to roll back, so only giving up is reported', async (t) => {
  const { bench, counts } = observed(t, 'one transaction')
  bench.intake.fail('accept', 'before', 2)
  await bench.submit(list('k', ['1', '2']))
  t.same(counts, { added: 2, retries: 2, done: 0, interrupted: 0 })
  bench.intake.fail('accept')
  await bench.submit(list('other', ['3']))
  t.same(counts, { added: 2, retries: 4, done: 1, interrupted: 0 })
})

t.test('replays, refusals and duplicates are not counted as added', async (t) => {
  const { bench, counts } = observed(t, 'one transaction')
  for (const key of ['k', 'k', 'other']) await bench.submit(list(key, ['1']))
  await bench.submit(list('k', ['2']))
  t.same(counts, { added: 1, retries: 0, done: 0, interrupted: 0 })
})

t.test('waiting for a composition that another submission holds is not counted as a retry', async (t) => {
  const { bench, counts } = observed(t, 'saga')
  bench.queue.fail('publish', 'hang', 1)
  const first = bench.orchestrator.submit(list('k', ['1']))
  const second = bench.orchestrator.submit(list('other', ['1']))
  await bench.finish(Promise.all([first, second]))
  t.ok((bench.db.calls.add ?? 0) > 10, 'it looked often')
  t.equal(counts.retries, 0)
})

t.test('a submission found to be stored after its 503 is counted as added then', async (t) => {
  const { bench, counts } = observed(t, 'one transaction')
  bench.intake.fail('accept', 'after')
  bench.intake.fail('giveUp')
  t.same(await bench.submit(list('k', ['1', '2'])), { kind: 'failed' })
  t.same(counts, { added: 0, retries: 2, done: 0, interrupted: 1 })
  bench.intake.mend()
  await bench.finish(new Promise<void>((resolve) => bench.clock.after(60_000, resolve)))
  t.same(counts, { added: 2, retries: 2, done: 0, interrupted: 1 })
})
