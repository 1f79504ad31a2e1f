import t from 'tap'
import { sized } from '../extent.ts'
import { WAYS } from '../ways.ts'
import { EVERY_NUMBER, everyFault } from './enumerate.ts'
import { FAULTS, FaultLayer } from './fault-layer.ts'
import { CASES, runSubmission } from './submission-run.ts'
import { ENGINES, type Engine, openWorld } from './world.ts'

/** In memory every fault each time; on disk, where a run takes longer, the short run takes a part of them. */
function extentOf(engine: Engine) {
  if (engine === 'memory' || (engine === 'sqlite' && sized(0, 1) === 1)) {
    return { cases: Object.keys(CASES), faults: FAULTS, times: EVERY_NUMBER }
  }
  if (sized(0, 1) === 1) return { cases: ['a list', 'a list with a duplicate skipped'], faults: FAULTS, times: [1] }
  const faults = engine === 'sqlite' ? (['before', 'after', 'death after'] as const) : (['after'] as const)
  return { cases: ['a list'], faults, times: [1] }
}

for (const engine of ENGINES) {
  const { cases, ...extent } = extentOf(engine)
  for (const way of WAYS) {
    for (const name of cases) {
      t.test(`${engine}, ${way}, ${name}: whatever call goes wrong, it is stored once or not at all`, async (t) => {
        const world = await openWorld(t, { engine, way })
        let runs = 0
        await everyFault(t, extent, async (plan) => {
          const number = ++runs
          const layer = new FaultLayer(world.clock)
          return runSubmission(world, number, (CASES[name] as (typeof CASES)[string])(number), layer, plan)
        })
      })
    }
  }
}
