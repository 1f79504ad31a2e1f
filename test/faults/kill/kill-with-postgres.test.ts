import t, { type Test } from 'tap'
import { startPostgres } from '../../support/postgres/server.ts'
import { createDatabases } from '../databases.ts'
import { sized } from '../extent.ts'
import { COMMIT_STRATEGIES } from '../stores.ts'
import { killRepeatedly } from './killed-service.ts'
import { postgresStorage } from './storage.ts'

const KILLS = sized(1, 60)
const KILLS_PER_ROUND = sized(1, 20)

t.setTimeout(sized(110_000, 6_000_000))
t.jobs = 2

const server = await startPostgres({ durable: false, settings: { max_connections: 200 } })
t.teardown(() => server.stop())

for (const strategy of COMMIT_STRATEGIES) {
  t.test(
    `PostgreSQL, ${strategy}: killed at any moment, also while it recovers, nothing is lost, doubled or left behind`,
    { buffered: true },
    async (t) => {
      const newStorage = async (t: Test) => {
        t.testdir()
        return postgresStorage(await createDatabases(server, strategy), strategy)
      }
      const killed = await killRepeatedly(t, { strategy, kills: KILLS, killsPerRound: KILLS_PER_ROUND, newStorage })
      if (strategy === 'saga' && KILLS > 50) {
        // Hardly any kill lands after the release: only the intent has to be removed then.
        const { prepared, published, completed } = killed.steps
        t.ok(Math.min(prepared, published, completed) > 0, 'kills land after the steps of sagas')
        t.ok(killed.recoveriesKilled > 0, 'and into recoveries')
      }
    },
  )
}
