import t from 'tap'
import { lease, receiptsOf } from '../../contract/leasing.ts'
import { listed, namesIn } from '../../contract/submissions.ts'
import { request } from '../../support/submission/orchestrator-bench.ts'
import { isLong, sized } from '../extent.ts'
import { COMMIT_STRATEGIES } from '../stores.ts'
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

/** The names of a run's formulas, and of its events. */
async function found(bench: Bench, number: number) {
  // Longer than the lease of an earlier look.
  await bench.later(2)
  const { stores } = bench
  const own = (names: string[]) => names.filter((name) => name.startsWith(`Formula ${number}.`)).sort()
  const { items } = await listed(stores.db, { limit: 200 })
  return { formulas: own(namesIn(items)), events: own(namesIn(await lease(stores.queue, 100, 1))) }
}

/** Erases while the planned calls fail; afterwards everything works again. */
async function eraseWithFaults(bench: Bench, id: string, plan: Plan<Fault>) {
  const layer = new FaultLayer(bench.clock)
  let service = startOrchestrator(layer.wrap(bench.stores), bench)
  await bench.finish(service.start())
  layer.arm(plan)
  const erasing = service.erase(id).catch(() => 'failed' as const)
  const outcome = await bench.finish(Promise.race([erasing, layer.death.promise]))
  layer.mend()
  if (layer.dead) {
    await bench.restart()
    service = startOrchestrator(bench.stores, bench)
    await bench.finish(service.start())
  }
  return { outcome, injected: layer.injected, service }
}

async function run(bench: Bench, number: number, plan: Plan<Fault>): Promise<Report> {
  const list = request(`key ${number}`, [`${number}.1`, `${number}.2`])
  const [erased, other] = list.formulas.map(({ name }) => name) as [string, string]
  const id = list.formulas[0]?.id as string
  const before = startOrchestrator(bench.stores, bench)
  await bench.finish(before.submit(list))
  await bench.finish(before.close())
  const { outcome, injected, service } = await eraseWithFaults(bench, id, plan)
  if (outcome !== 'erased') await bench.rest()

  const checks = new Checks()
  const check = checks.check.bind(checks)
  const settled = await found(bench, number)
  check(
    String(settled.formulas) === String(settled.events),
    `formula and event go together: ${JSON.stringify(settled)}`,
  )
  check(settled.formulas.includes(other), 'the other formula stays')
  const isGone = !settled.formulas.includes(erased)
  check(outcome !== 'unknown', 'a formula that is there is known')
  if (outcome === 'erased' || outcome === 'owed') check(isGone, `${outcome} means that it is gone`)
  check((await service.cleanups.list()).length === 0, 'no erasure stays owed')
  const again = await bench.finish(service.erase(id))
  check(again === (isGone ? 'unknown' : 'erased'), `the same call is ${again}`)
  const replayed = await bench.finish(service.submit(list))
  check(replayed.kind === 'answered' && replayed.answer.status === 410, 'its answer is gone')
  const anew = await bench.finish(service.submit(request(`anew ${number}`, [`${number}.1`])))
  check(anew.kind === 'answered' && anew.answer.status === 200, `the composition is free, not ${anew.kind}`)
  const final = await found(bench, number)
  check(String(final.formulas) === String([erased, other]), `stored anew: ${final.formulas}`)
  check(String(final.events) === String([erased, other]), `with one event: ${final.events}`)
  await bench.finish(service.close())
  await bench.later(1)
  const events = await lease(bench.stores.queue, 100, 1_000)
  if (events.length > 0) await bench.stores.queue.ack(receiptsOf(events))
  return { injected, violations: checks.violations }
}

function extentOf(engine: Engine) {
  if (engine === 'memory' || (engine === 'sqlite' && isLong)) return { faults: FAULTS, times: EVERY_NUMBER }
  return { faults: ['after', 'death after'] as const, times: [1] }
}

/** An erasure makes up to five calls; later ones are of background rounds. */
const LAST = sized(6, 20)

for (const engine of ENGINES) {
  for (const strategy of COMMIT_STRATEGIES) {
    t.test(`${engine}, ${strategy}: whatever call of an erasure fails, formula and event go together`, async (t) => {
      const bench = await openBench(t, { engine, strategy })
      let runs = 0
      await everyFault<Fault>(t, { ...extentOf(engine), last: LAST }, (plan) => run(bench, ++runs, plan))
    })
  }
}
