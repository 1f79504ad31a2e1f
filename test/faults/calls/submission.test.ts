import t from 'tap'
import { isLong } from '../extent.ts'
import { COMMIT_STRATEGIES } from '../stores.ts'
import { ENGINES, type Engine, openBench } from './bench.ts'
import { EVERY_NUMBER, everyFault, FAULTS, FaultLayer } from './every-fault.ts'
import { CASES, type Case, runSubmission } from './submission-run.ts'

/** Every fault in memory; on disk, where a run takes longer, the short run has some of them. */
function extentOf(engine: Engine) {
  if (engine === 'memory' || (engine === 'sqlite' && isLong)) {
    return { cases: Object.keys(CASES), faults: FAULTS, times: EVERY_NUMBER }
  }
  if (isLong) return { cases: ['a list', 'a list with a duplicate skipped'], faults: FAULTS, times: [1] }
  const faults = engine === 'sqlite' ? (['before', 'after', 'death after'] as const) : (['after'] as const)
  return { cases: ['a list'], faults, times: [1] }
}

for (const engine of ENGINES) {
  const { cases, ...extent } = extentOf(engine)
  for (const strategy of COMMIT_STRATEGIES) {
    for (const name of cases) {
      t.test(
        `${engine}, ${strategy}, ${name}: whatever call goes wrong, it is stored once or not at all`,
        async (t) => {
          const bench = await openBench(t, { engine, strategy })
          let runs = 0
          await everyFault(t, extent, (plan) => {
            const number = ++runs
            const submitted = CASES[name]?.(number) as Case
            return runSubmission(bench, number, submitted, new FaultLayer(bench.clock), plan)
          })
        },
      )
    }
  }
}
