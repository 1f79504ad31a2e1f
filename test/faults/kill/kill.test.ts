import t, { type Test } from 'tap'
import { sized } from '../extent.ts'
import { count } from '../figures.ts'
import { COMMIT_STRATEGIES } from '../stores.ts'
import { killRepeatedly } from './killed-service.ts'
import { sqliteStorage } from './storage.ts'

const KILLS = sized(4, 210)
const KILLS_PER_ROUND = sized(4, 30)

t.setTimeout(sized(110_000, 3_000_000))
t.jobs = 2

for (const strategy of COMMIT_STRATEGIES) {
  t.test(
    `${strategy}: killed at any moment, also while it recovers, nothing is lost, doubled or left behind`,
    { buffered: true },
    async (t) => {
      const newStorage = async (t: Test) => sqliteStorage(t.testdir(), strategy)
      const killed = await killRepeatedly(t, { strategy, kills: KILLS, killsPerRound: KILLS_PER_ROUND, newStorage })
      count(strategy === 'saga' ? 'killsSaga' : 'killsOneTransaction', killed.kills)
      if (strategy === 'saga') t.ok(killed.killsBetweenSteps > 0, 'kills land between the steps of sagas')
      if (strategy === 'saga' && KILLS > 100) {
        const { prepared, published, completed, released } = killed.steps
        t.ok(Math.min(prepared, published, completed, released) > 0, 'after every step')
        t.ok(killed.recoveriesKilled > 0, 'and into recoveries')
      }
    },
  )
}
