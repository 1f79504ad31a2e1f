import t from 'tap'
import type { Stores } from '../../../src/stores/ports.ts'
import type { SubmissionRequest } from '../../../src/submission/submission.ts'
import { lease, receiptsOf } from '../../contract/leasing.ts'
import { namesIn } from '../../contract/submissions.ts'
import { ranElsewhere, request } from '../../support/submission/orchestrator-bench.ts'
import { sized } from '../extent.ts'
import { EVERY_NUMBER, everyFault, Judge, type Plan, type Report } from './enumerate.ts'
import { FAULTS, type Fault, FaultLayer } from './fault-layer.ts'
import { startOrchestrator } from './orchestrator.ts'
import { ENGINES, type Engine, openWorld, type World } from './world.ts'

/** What a crash has left of three submissions: one that began, one being rolled back, one past its commit point. */
interface Left {
  orphan: SubmissionRequest
  rollingBack: SubmissionRequest
  completed: SubmissionRequest
}

/** Submissions have their keys for ids here. */
const attemptOf = ({ key }: SubmissionRequest): string => `${key}.1`

async function leave(stores: Stores, run: number): Promise<Left> {
  const [orphan, rollingBack, completed] = [1, 2, 3].map((number) =>
    request(`key-${run}-${number}`, [`${run}.${number}`]),
  ) as [SubmissionRequest, SubmissionRequest, SubmissionRequest]
  for (const each of [orphan, rollingBack, completed]) {
    const verdict = await stores.db.add(attemptOf(each), ranElsewhere(each, each.key))
    if (verdict.kind !== 'added') throw new Error(`not added but ${verdict.kind}`)
    await stores.queue.publish(attemptOf(each), verdict.events)
  }
  await stores.db.abandon(attemptOf(rollingBack), 'The submission failed')
  await stores.db.complete(attemptOf(completed))
  return { orphan, rollingBack, completed }
}

/** Starts a process that works off what was left, while the planned calls go wrong; an operator helps. */
async function workOffWithFaults(world: World, { rollingBack }: Left, plan: Plan<Fault>): Promise<number> {
  const layer = new FaultLayer(world.clock)
  const service = startOrchestrator(layer.wrap(world.stores), world)
  layer.arm(plan)
  const work = async (): Promise<void> => {
    await service.start()
    await service.cleanups.list()
    await service.cleanups.retry(attemptOf(rollingBack))
  }
  // It may refuse to start, or to list, while a store fails; then whoever looks after it starts it again.
  const patience = world.later(15_000)
  await world.finish(Promise.race([work().catch(() => {}), layer.death.promise, patience]))
  await world.finish(Promise.race([patience, layer.death.promise]))
  layer.mend()
  if (layer.dead) await world.restart()
  else await world.finish(service.close())
  return layer.injected
}

async function run(world: World, number: number, plan: Plan<Fault>): Promise<Report> {
  const left = await leave(world.stores, number)
  const injected = await workOffWithFaults(world, left, plan)
  const service = startOrchestrator(world.stores, world)
  await world.finish(service.start())
  await world.rest()

  const judge = new Judge()
  judge.check((await service.cleanups.list()).length === 0, 'no cleanup stays')
  const { items } = await world.stores.db.list({ limit: 10 })
  const own = namesIn(items).filter((name) => name.startsWith(`Formula ${number}.`))
  judge.check(String(own) === `Formula ${number}.3`, `only what was past its commit point is stored, not ${own}`)
  for (const each of [left.orphan, left.rollingBack, left.completed]) {
    const outcome = await world.finish(service.submit(each))
    judge.check(outcome.kind === 'answered' && outcome.answer.status === 200, `the key ends well, not ${outcome.kind}`)
    const replayed = outcome.kind === 'answered' && outcome.replayed
    judge.check(replayed === (each === left.completed), `replayed only where it was accepted: ${each.key}`)
  }
  const events = await lease(world.stores.queue, 100, 1_000)
  const names = namesIn(events).sort()
  const all = [1, 2, 3].map((part) => `Formula ${number}.${part}`)
  judge.check(String(names) === String(all), `one event each, not ${names}`)
  await world.stores.queue.ack(receiptsOf(events))
  await world.finish(service.close())
  return { injected, violations: judge.violations }
}

function extentOf(engine: Engine) {
  const inPart = { faults: ['after', 'death after'] as const, times: [1] }
  if (engine === 'postgres') return inPart
  return engine === 'memory' || sized(0, 1) === 1 ? { faults: FAULTS, times: EVERY_NUMBER } : inPart
}

/** By then all is worked off, and what the background does each second has gone wrong as well; the long run goes on. */
const LAST = sized(20, Number.POSITIVE_INFINITY)

// A cleanup makes some two hundred calls; in the short run PostgreSQL has no time for each of them.
const engines = sized(0, 1) === 1 ? ENGINES : ENGINES.filter((engine) => engine !== 'postgres')

for (const engine of engines) {
  t.test(
    `${engine}: whatever call of a cleanup goes wrong, it is finished in the end, and in the right way`,
    async (t) => {
      const world = await openWorld(t, { engine, way: 'saga' })
      let runs = 0
      await everyFault(t, { ...extentOf(engine), last: LAST }, (plan) => run(world, ++runs, plan))
    },
  )
}
