import type { Stores } from '../../../src/stores/ports.ts'
import type { Orchestrator } from '../../../src/submission/orchestrator.ts'
import type { Outcome, SubmissionRequest } from '../../../src/submission/submission.ts'
import { lease, receiptsOf } from '../../contract/leasing.ts'
import { namesIn } from '../../contract/submissions.ts'
import { request } from '../../support/submission/orchestrator-bench.ts'
import { Judge, type Plan, type Report } from './enumerate.ts'
import { startOrchestrator } from './orchestrator.ts'
import type { World } from './world.ts'

/** Lets planned parts of what a process does with its stores go wrong. */
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

/** What is submitted, onto a store that knows formula .9 already; each run has formulas and a key of its own. */
export const CASES: Record<string, (run: number) => Case> = {
  'one formula': (run) => ({ submitted: request(`k${run}`, [`${run}.1`]), added: [`${run}.1`] }),
  'a list': (run) => ({ submitted: request(`k${run}`, [`${run}.1`, `${run}.2`]), added: [`${run}.1`, `${run}.2`] }),
  'a list with a duplicate skipped': (run) => ({
    submitted: request(`k${run}`, [`${run}.9`, `${run}.2`], { onDuplicate: 'skip' }),
    added: [`${run}.2`],
  }),
  'a duplicate': (run) => ({ submitted: request(`k${run}`, [`${run}.1`, `${run}.9`]), added: [] }),
}

/** The formulas of a run that are stored, and those that have an event, by their numbers. */
async function found({ stores }: World, run: number): Promise<{ formulas: string[]; events: string[] }> {
  const numbers = (names: string[]) =>
    names.flatMap((name) => (name.startsWith(`Formula ${run}.`) ? [name.slice('Formula '.length)] : [])).sort()
  const { items } = await stores.db.list({ limit: 200 })
  const events = await lease(stores.queue, 100, 1)
  return { formulas: numbers(namesIn(items)), events: numbers(namesIn(events)) }
}

async function ackAll({ stores }: World): Promise<void> {
  const events = await lease(stores.queue, 100, 1_000)
  if (events.length > 0) await stores.queue.ack(receiptsOf(events))
}

interface Attempt {
  outcome: Outcome | 'died'
  /** How many rollbacks were owed just after it. */
  owed: number
  injected: number
  /** The service that goes on: after a death a new one. */
  service: Orchestrator
}

/** Submits while the planned calls go wrong; then everything works again. */
async function submitWithFaults<F extends string>(
  world: World,
  submitted: SubmissionRequest,
  layer: Layer<F>,
  plan: Plan<F>,
): Promise<Attempt> {
  let service = startOrchestrator(layer.wrap(world.stores), world)
  await world.finish(service.start())
  layer.arm(plan)
  const outcome = await world.finish(Promise.race([service.submit(submitted), layer.death.promise]))
  await layer.mend()
  // What it does after the answer may be its end as well.
  await world.finish(Promise.resolve())
  const owed = layer.dead ? [] : await service.cleanups.list()
  if (layer.dead) {
    await world.restart()
    service = startOrchestrator(world.stores, world)
    await world.finish(service.start())
  }
  return { outcome, owed: owed.length, injected: layer.injected, service }
}

/** Runs one submission with one plan of faults, lets everything settle, sends it again, and judges what is there. */
export async function runSubmission<F extends string>(
  world: World,
  number: number,
  { submitted, added }: Case,
  layer: Layer<F>,
  plan: Plan<F>,
): Promise<Report> {
  const before = startOrchestrator(world.stores, world)
  await world.finish(before.submit(request(`known${number}`, [`${number}.9`])))
  await world.finish(before.close())
  const { outcome, owed, injected, service } = await submitWithFaults(world, submitted, layer, plan)
  await world.rest()

  const judge = new Judge()
  const check = judge.check.bind(judge)
  const settled = await found(world, number)
  const [none, all] = [[`${number}.9`], [...added, `${number}.9`]]
  const isAll = String(settled.formulas) === String(all) && String(settled.events) === String(all)
  const isNone = String(settled.formulas) === String(none) && String(settled.events) === String(none)
  check(isAll || isNone, `all or nothing, not ${JSON.stringify(settled)}`)
  if (outcome !== 'died') {
    if (outcome.kind === 'answered' && outcome.answer.status === 200) check(isAll, 'what was answered 200 is stored')
    if (outcome.kind === 'failed') check(isNone || owed > 0, 'what was refused leaves no trace')
    check(outcome.kind === 'answered' || outcome.kind === 'failed', `answered or failed, not ${outcome.kind}`)
  }
  check((await world.stores.cleanups.list(10)).length === 0, 'no cleanup stays')
  check((await service.cleanups.list()).length === 0, 'no rollback stays owed')
  const again = await world.finish(service.submit(submitted))
  check(again.kind === 'answered', `the key ends well, not ${again.kind}`)
  check(again.kind !== 'answered' || again.answer.status === (added.length > 0 ? 200 : 409), 'with the right answer')
  await world.rest()
  const final = await found(world, number)
  check(String(final.formulas) === String(all), `stored once: ${final.formulas}`)
  check(String(final.events) === String(all), `one event each: ${final.events}`)
  const other = await world.finish(service.submit(request(submitted.key, [`${number}.5`])))
  check(other.kind === 'reused', 'another payload is refused')
  await world.finish(service.close())
  await world.later(1)
  await ackAll(world)
  return { injected, violations: judge.violations }
}
