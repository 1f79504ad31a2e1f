import t, { type Test } from 'tap'
import { chance, seed, sized } from '../extent.ts'
import { count } from '../figures.ts'
import { Era, type Met, type Way } from './era.ts'
import { add, NONE } from './unfinished.ts'

/** Kills under load, each way. */
const KILLS = sized(4, 210)
/** Kills on one set of files, before everything is judged and new files are begun. */
const KILLS_AN_ERA = sized(4, 30)
/** Violations shown; one often draws others after it. */
const SHOWN = 20

t.setTimeout(sized(110_000, 3_000_000))
t.jobs = 2

/** Kills on one set of files. @returns what they met */
async function runEra(t: Test, way: Way, era: number, kills: number): Promise<Met> {
  const service = new Era(t, way, chance(era + (way === 'saga' ? 1_000 : 0)))
  const judged = async (place: string, violations: Promise<string[]>): Promise<boolean> => {
    const found = await violations.catch((error: Error) => [error.message])
    if (found.length > 0) t.fail(`${way}, seed ${seed}, era ${era}, ${place}`, { violations: found.slice(0, SHOWN) })
    return found.length === 0
  }
  let isKept = true
  for (let cycle = 1; cycle <= kills && isKept; cycle++) isKept = await judged(`cycle ${cycle}`, service.cycle())
  if (isKept) await judged('the end', service.end())
  return service.met
}

for (const way of ['one transaction', 'saga'] as const) {
  t.test(
    `${way}: killed at any moment, also while it recovers, nothing is lost, doubled or left behind`,
    { buffered: true },
    async (t) => {
      const all: Met = { kills: 0, startsKilled: 0, recoveriesKilled: 0, killsBetweenSteps: 0, steps: { ...NONE } }
      for (let era = 1; all.kills < KILLS && t.passing(); era++) {
        await t.test(`era ${era}`, async (t) => {
          const met = await runEra(t, way, era, Math.min(KILLS_AN_ERA, KILLS - all.kills))
          all.kills += met.kills
          all.startsKilled += met.startsKilled
          all.recoveriesKilled += met.recoveriesKilled
          all.killsBetweenSteps += met.killsBetweenSteps
          add(all.steps, met.steps)
        })
      }
      count(way === 'saga' ? 'killsSaga' : 'killsOneTransaction', all.kills)
      t.comment(`${way}: ${JSON.stringify(all)}`)
      if (way === 'saga') t.ok(all.killsBetweenSteps > 0, 'kills land between the steps of sagas')
      if (way === 'saga' && KILLS > 100) {
        const { prepared, published, completed, released } = all.steps
        t.ok(Math.min(prepared, published, completed, released) > 0, 'behind every step')
        t.ok(all.recoveriesKilled > 0, 'and into recoveries')
      }
    },
  )
}
