import t, { type Test } from 'tap'
import { startPostgres } from '../../support/postgres/server.ts'
import { createDatabases } from '../databases.ts'
import { sized } from '../extent.ts'
import { WAYS } from '../stores.ts'
import { killRepeatedly } from './killed-service.ts'
import { postgresStorage } from './storage.ts'

const KILLS = sized(1, 60)
const KILLS_PER_ROUND = sized(1, 20)

t.setTimeout(sized(110_000, 6_000_000))
t.jobs = 2

const server = await startPostgres({ durable: false, settings: { max_connections: 200 } })
t.teardown(() => server.stop())

for (const way of WAYS) {
  t.test(
    `PostgreSQL, ${way}: killed at any moment, also while it recovers, nothing is lost, doubled or left behind`,
    { buffered: true },
    async (t) => {
      const newStorage = async (t: Test) => {
        t.testdir()
        return postgresStorage(await createDatabases(server, way), way)
      }
      const killed = await killRepeatedly(t, { way, kills: KILLS, killsPerRound: KILLS_PER_ROUND, newStorage })
      if (way === 'saga' && KILLS > 50) {
        const { prepared, published, completed, released } = killed.steps
        t.ok(Math.min(prepared, published, completed, released) > 0, 'kills land after every step of sagas')
        t.ok(killed.recoveriesKilled > 0, 'and into recoveries')
      }
    },
  )
}
