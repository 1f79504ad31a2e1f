import t, { type Test } from 'tap'
import { sized } from '../extent.ts'
import { count } from '../figures.ts'
import { WAYS } from '../stores.ts'
import { killInEras } from './eras.ts'
import { sqliteFiles } from './sqlite-files.ts'

const KILLS = sized(4, 210)
const KILLS_AN_ERA = sized(4, 30)

t.setTimeout(sized(110_000, 3_000_000))
t.jobs = 2

for (const way of WAYS) {
  t.test(
    `${way}: killed at any moment, also while it recovers, nothing is lost, doubled or left behind`,
    { buffered: true },
    async (t) => {
      const openPlace = async (t: Test) => sqliteFiles(t.testdir(), way)
      const met = await killInEras(t, { way, kills: KILLS, killsAnEra: KILLS_AN_ERA, openPlace })
      count(way === 'saga' ? 'killsSaga' : 'killsOneTransaction', met.kills)
      if (way === 'saga') t.ok(met.killsBetweenSteps > 0, 'kills land between the steps of sagas')
      if (way === 'saga' && KILLS > 100) {
        const { prepared, published, completed, released } = met.steps
        t.ok(Math.min(prepared, published, completed, released) > 0, 'behind every step')
        t.ok(met.recoveriesKilled > 0, 'and into recoveries')
      }
    },
  )
}
