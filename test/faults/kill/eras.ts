import type { Test } from 'tap'
import { chance, seed } from '../extent.ts'
import type { Way } from '../stores.ts'
import { Era, type Met } from './era.ts'
import type { Place } from './place.ts'
import { add, NONE } from './unfinished.ts'

/** Violations shown; one often draws others after it. */
const SHOWN = 20

export interface Kills {
  way: Way
  /** Kills under load. */
  kills: number
  /** Kills in one place, before everything is judged and another is begun. */
  killsAnEra: number
  /** Makes the place of an era. */
  openPlace(t: Test): Promise<Place>
}

/** Kills a service again and again, and judges it. @returns what the kills met */
export async function killInEras(t: Test, { way, kills, killsAnEra, openPlace }: Kills): Promise<Met> {
  const all: Met = { kills: 0, startsKilled: 0, recoveriesKilled: 0, killsBetweenSteps: 0, steps: { ...NONE } }
  for (let era = 1; all.kills < kills && t.passing(); era++) {
    await t.test(`era ${era}`, async (t) => {
      const service = new Era(t, await openPlace(t), chance(era + (way === 'saga' ? 1_000 : 0)))
      await runEra(t, service, `${way}, seed ${seed}, era ${era}`, Math.min(killsAnEra, kills - all.kills))
      all.kills += service.met.kills
      all.startsKilled += service.met.startsKilled
      all.recoveriesKilled += service.met.recoveriesKilled
      all.killsBetweenSteps += service.met.killsBetweenSteps
      add(all.steps, service.met.steps)
    })
  }
  t.comment(`${way}: ${JSON.stringify(all)}`)
  return all
}

/** Kills in one place. */
async function runEra(t: Test, service: Era, name: string, kills: number): Promise<void> {
  const judged = async (place: string, violations: Promise<string[]>): Promise<boolean> => {
    const found = await violations.catch((error: Error) => [error.message])
    if (found.length > 0) t.fail(`${name}, ${place}`, { violations: found.slice(0, SHOWN) })
    return found.length === 0
  }
  let isKept = true
  for (let cycle = 1; cycle <= kills && isKept; cycle++) isKept = await judged(`cycle ${cycle}`, service.cycle())
  if (isKept) await judged('the end', service.end())
}
