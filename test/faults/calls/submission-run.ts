import type { Stores } from '../../../src/stores/ports.ts'
import type { Orchestrator } from '../../../src/submission/orchestrator.ts'
import type { Outcome, SubmissionRequest } from '../../../src/submission/submission.ts'
import { lease, receiptsOf } from '../../contract/leasing.ts'
import { listed, namesIn } from '../../contract/submissions.ts'
import { request } from '../../support/submission/orchestrator-bench.ts'
import { type Bench, startOrchestrator } from './bench.ts'
import { Checks, type Plan, type Report } from './every-fault.ts'

/** Lets planned parts of what a process does with its stores fail. */
export interface Layer<F extends string> {
  wrap(stores: Stores): Stores
  arm(plan: Plan<F>): void
  mend(): void | Promise<void>
  death: PromiseWithResolvers<'died'>
  dead: boolean
  injected: number
}

export interface Case {
  submitted: SubmissionRequest
  added: string[]
}

/** Submissions to a store that already has formula .9; each run has its own formulas and key. */
export const CASES: Record<string, (run: number) => Case> = {
  'one formula': (run) => ({ submitted: request(`k${run}`, [`${run}.1`]), added: [`${run}.1`] }),
  'a list': (run) => ({ submitted: request(`k${run}`, [`${run}.1`, `${run}.2`]), added: [`${run}.1`, `${run}.2`] }),
  'a list with a duplicate skipped': (run) => ({
    submitted: request(`k${run}`, [`${run}.9`, `${run}.2`], { onDuplicate: 'skip' }),
    added: [`${run}.2`],
  }),
  'a duplicate': (run) => ({ submitted: request(`k${run}`, [`${run}.1`, `${run}.9`]), added: [] }),
}

/** The numbers of a run's stored formulas, and of those with an event. */
async function found({ stores }: Bench, run: number): Promise<{ formulas: string[]; events: string[] }> {
  const numbers = (names: string[]) =>
    names.flatMap((name) => (name.startsWith(`Formula ${run}.`) ? [name.slice('Formula '.length)] : [])).sort()
  const { items } = await listed(stores.db, { limit: 200 })
  const events = await lease(stores.queue, 100, 1)
  return { formulas: numbers(namesIn(items)), events: numbers(namesIn(events)) }
}

interface Attempt {
  outcome: Outcome | 'died'
  /** How many rollbacks were pending just after it. */
  pending: number
  injected: number
  /** The orchestrator for the next submissions: a new one after a death. */
  service: Orchestrator
}

/** Submits while the planned calls fail; afterwards everything works again. */
async function submitWithFaults<F extends string>(
  bench: Bench,
  submitted: SubmissionRequest,
  layer: Layer<F>,
  plan: Plan<F>,
): Promise<Attempt> {
  let service = startOrchestrator(layer.wrap(bench.stores), bench)
  await bench.finish(service.start())
  layer.arm(plan)
  const outcome = await bench.finish(Promise.race([service.submit(submitted), layer.death.promise]))
  await layer.mend()
  // It may die after the answer as well.
  await bench.finish(Promise.resolve())
  const pending = layer.dead ? [] : await service.cleanups.list()
  if (layer.dead) {
    await bench.restart()
    service = startOrchestrator(bench.stores, bench)
    await bench.finish(service.start())
  }
  return { outcome, pending: pending.length, injected: layer.injected, service }
}

/** Runs one submission with one plan of faults, waits until all is settled, sends it again, and checks the stores. */
export async function runSubmission<F extends string>(
  bench: Bench,
  number: number,
  { submitted, added }: Case,
  layer: Layer<F>,
  plan: Plan<F>,
): Promise<Report> {
  const before = startOrchestrator(bench.stores, bench)
  await bench.finish(before.submit(request(`known${number}`, [`${number}.9`])))
  await bench.finish(before.close())
  const { outcome, pending, injected, service } = await submitWithFaults(bench, submitted, layer, plan)
  await bench.rest()

  const checks = new Checks()
  const check = checks.check.bind(checks)
  const settled = await found(bench, number)
  const [none, all] = [[`${number}.9`], [...added, `${number}.9`]]
  const isAll = String(settled.formulas) === String(all) && String(settled.events) === String(all)
  const isNone = String(settled.formulas) === String(none) && String(settled.events) === String(none)
  check(isAll || isNone, `all or nothing, not ${JSON.stringify(settled)}`)
  if (outcome !== 'died') {
    if (outcome.kind === 'answered' && outcome.answer.status === 200) check(isAll, 'a 200 means stored')
    if (outcome.kind === 'failed') check(isNone || pending > 0, 'a refusal leaves nothing')
    check(outcome.kind === 'answered' || outcome.kind === 'failed', `answered or failed, not ${outcome.kind}`)
  }
  check((await bench.stores.cleanups.list(10)).length === 0, 'no cleanup stays')
  check((await service.cleanups.list()).length === 0, 'no rollback stays pending')
  const again = await bench.finish(service.submit(submitted))
  check(again.kind === 'answered', `the key can be used, not ${again.kind}`)
  check(again.kind !== 'answered' || again.answer.status === (added.length > 0 ? 200 : 409), 'with the right answer')
  await bench.rest()
  const final = await found(bench, number)
  check(String(final.formulas) === String(all), `stored once: ${final.formulas}`)
  check(String(final.events) === String(all), `one event each: ${final.events}`)
  const other = await bench.finish(service.submit(request(submitted.key, [`${number}.5`])))
  check(other.kind === 'reused', 'another payload is refused')
  await bench.finish(service.close())
  await bench.later(1)
  const events = await lease(bench.stores.queue, 100, 1_000)
  if (events.length > 0) await bench.stores.queue.ack(receiptsOf(events))
  return { injected, violations: checks.violations }
}
