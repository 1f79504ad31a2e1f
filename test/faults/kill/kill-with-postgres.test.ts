import t, { type Test } from 'tap'
import { startPostgres } from '../../support/postgres/server.ts'
import { createDatabases } from '../databases.ts'
import { sized } from '../extent.ts'
import { WAYS } from '../stores.ts'
import { killInEras } from './eras.ts'
import { postgresDatabases } from './postgres-databases.ts'

const KILLS = sized(1, 60)
const KILLS_AN_ERA = sized(1, 20)

t.setTimeout(sized(110_000, 6_000_000))
t.jobs = 2

const server = await startPostgres({ durable: false, settings: { max_connections: 200 } })
t.teardown(() => server.stop())

for (const way of WAYS) {
  t.test(
    `PostgreSQL, ${way}: killed at any moment, also while it recovers, nothing is lost, doubled or left behind`,
    { buffered: true },
    async (t) => {
      const openPlace = async (t: Test) => {
        t.testdir()
        return postgresDatabases(await createDatabases(server, way), way)
      }
      const met = await killInEras(t, { way, kills: KILLS, killsAnEra: KILLS_AN_ERA, openPlace })
      if (way === 'saga' && KILLS > 50) {
        const { prepared, published, completed, released } = met.steps
        t.ok(Math.min(prepared, published, completed, released) > 0, 'kills land behind every step of sagas')
        t.ok(met.recoveriesKilled > 0, 'and into recoveries')
      }
    },
  )
}
