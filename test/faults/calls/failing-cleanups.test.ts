import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { Stores } from '../../../src/stores/ports.ts'
import type { SubmissionRequest } from '../../../src/submission/submission.ts'
import { lease, receiptsOf } from '../../contract/leasing.ts'
import { listed, namesIn } from '../../contract/submissions.ts'
import { ranElsewhere, request } from '../../support/submission/orchestrator-bench.ts'
import { isLong, sized } from '../extent.ts'
import { type Bench, ENGINES, type Engine, openBench, startOrchestrator } from './bench.ts'
import {
  Checks,
  EVERY_NUMBER,
  everyFault,
  FAULTS,
  type Fault,
  FaultLayer,
  type Plan,
  type Report,
} from './every-fault.ts'

/** What a crash has left of three submissions: one that began, one being rolled back, one past its commit point. */
interface Left {
  orphan: SubmissionRequest
  rollingBack: SubmissionRequest
  completed: SubmissionRequest
}

/** Attempts are named after the keys here. */
const attemptOf = ({ key }: SubmissionRequest): string => `${key}.1`

async function leave(stores: Stores, run: number): Promise<Left> {
  const [orphan, rollingBack, completed] = [1, 2, 3].map((number) =>
    request(`key-${run}-${number}`, [`${run}.${number}`]),
  ) as [SubmissionRequest, SubmissionRequest, SubmissionRequest]
  for (const each of [orphan, rollingBack, completed]) {
    const verdict = await stores.db.add(attemptOf(each), ranElsewhere(each, randomUUID()))
    if (verdict.kind !== 'added') throw new Error(`not added but ${verdict.kind}`)
    await stores.queue.publish(attemptOf(each), verdict.events)
  }
  await stores.db.abandon(attemptOf(rollingBack), 'The submission failed')
  await stores.db.complete(attemptOf(completed))
  return { orphan, rollingBack, completed }
}

/** Starts a process that recovers the submissions while the planned calls fail, and retries a cleanup as an operator. */
async function workOffWithFaults(bench: Bench, { rollingBack }: Left, plan: Plan<Fault>): Promise<number> {
  const layer = new FaultLayer(bench.clock)
  const service = startOrchestrator(layer.wrap(bench.stores), bench)
  layer.arm(plan)
  const work = async (): Promise<void> => {
    await service.start()
    await service.cleanups.list()
    await service.cleanups.retry(attemptOf(rollingBack))
  }
  // It may refuse to start, or to list, while a store fails; then it is started again.
  const patience = bench.later(15_000)
  await bench.finish(Promise.race([work().catch(() => {}), layer.death.promise, patience]))
  await bench.finish(Promise.race([patience, layer.death.promise]))
  layer.mend()
  if (layer.dead) await bench.restart()
  else await bench.finish(service.close())
  return layer.injected
}

async function run(bench: Bench, number: number, plan: Plan<Fault>): Promise<Report> {
  const left = await leave(bench.stores, number)
  const injected = await workOffWithFaults(bench, left, plan)
  const service = startOrchestrator(bench.stores, bench)
  await bench.finish(service.start())
  await bench.rest()

  const checks = new Checks()
  checks.check((await service.cleanups.list()).length === 0, 'no cleanup stays')
  const { items } = await listed(bench.stores.db, { limit: 10 })
  const own = namesIn(items).filter((name) => name.startsWith(`Formula ${number}.`))
  checks.check(String(own) === `Formula ${number}.3`, `only what was past its commit point is stored, not ${own}`)
  for (const each of [left.orphan, left.rollingBack, left.completed]) {
    const outcome = await bench.finish(service.submit(each))
    checks.check(outcome.kind === 'answered' && outcome.answer.status === 200, `the key ends well, not ${outcome.kind}`)
    const replayed = outcome.kind === 'answered' && outcome.replayed
    checks.check(replayed === (each === left.completed), `replayed only where it was accepted: ${each.key}`)
  }
  const events = await lease(bench.stores.queue, 100, 1_000)
  const names = namesIn(events).sort()
  const all = [1, 2, 3].map((part) => `Formula ${number}.${part}`)
  checks.check(String(names) === String(all), `one event each, not ${names}`)
  await bench.stores.queue.ack(receiptsOf(events))
  await bench.finish(service.close())
  return { injected, violations: checks.violations }
}

function extentOf(engine: Engine) {
  const inPart = { faults: ['after', 'death after'] as const, times: [1] }
  if (engine === 'postgres') return inPart
  return engine === 'memory' || isLong ? { faults: FAULTS, times: EVERY_NUMBER } : inPart
}

/** Recovery makes fewer calls, so calls of the background rounds fail as well; the long run tries all. */
const LAST = sized(20, Number.POSITIVE_INFINITY)

// A cleanup makes some two hundred calls; in the short run PostgreSQL has no time for each of them.
const engines = isLong ? ENGINES : ENGINES.filter((engine) => engine !== 'postgres')

for (const engine of engines) {
  t.test(`${engine}: whatever call of a cleanup fails, it is retried until it is done correctly`, async (t) => {
    const bench = await openBench(t, { engine, strategy: 'saga' })
    let runs = 0
    await everyFault(t, { ...extentOf(engine), last: LAST }, (plan) => run(bench, ++runs, plan))
  })
}
