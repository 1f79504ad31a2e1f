import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import t, { type Test } from 'tap'
import { scrape } from '../support/http/scrape.ts'
import { startService } from '../support/http/service.ts'
import { findBinaries } from '../support/postgres/binaries.ts'
import { Cluster } from '../support/postgres/cluster.ts'
import { DocumentedRoles } from '../support/postgres/documented-roles.ts'
import { type PostgresServer, query, startPostgres } from '../support/postgres/server.ts'
import { until } from '../support/until.ts'

const skip = Boolean(process.env.TEST_DATABASE_URL) && 'TEST_DATABASE_URL names a server that is not ours to crash'

const NONE = { sync: 0, quorum: 0, potential: 0, async: 0 }

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

/** Starts a standby on a copy of the primary's files, for which that is restarted. */
async function startStandby(t: Test, primary: PostgresServer, name: string): Promise<Cluster> {
  const [files] = await query<{ folder: string }>(primary.url(), "SELECT current_setting('data_directory') AS folder")
  const { hostname, port, username, password } = new URL(primary.url())
  const login = `host=${hostname} port=${port} user=${username} password=${password} application_name=${name}`
  await primary.crash()
  const standby = await Cluster.restore({ primary_conninfo: login }, await findBinaries(), async (data, account) => {
    const copy = `cp -a '${files?.folder}' '${data}' && rm -f '${data}/postmaster.pid' && touch '${data}/standby.signal'`
    await promisify(execFile)('sh', ['-c', copy], { ...account, cwd: '/' })
  })
  t.teardown(() => standby.remove())
  await primary.start()
  return standby
}

/** Receives the primary's log as `pg_basebackup` does. */
async function receiveLog(t: Test, url: string): Promise<void> {
  const receiver = new pg.Client({ connectionString: url, replication: 'true' } as pg.ClientConfig)
  receiver.on('error', () => {})
  await receiver.connect()
  t.teardown(() => receiver.end())
  const { rows } = await receiver.query('IDENTIFY_SYSTEM')
  receiver.query(`START_REPLICATION ${rows[0].xlogpos}`).catch(() => {})
}

/** Starts a service on a database. @returns what its metrics say of standbys */
async function startWatching(t: Test, url: string) {
  const service = await startService(t, { DATABASE_URL: url })
  return async () => {
    const { series, value } = await scrape(service)
    const counts = series('intake_postgres_standbys').map(({ labels, value }) => [labels.state, value])
    return {
      count: Object.fromEntries(counts) as Record<string, number>,
      lag: value('intake_postgres_standby_lag_bytes', { standby: 'db2' }),
    }
  }
}

t.test('a role that may not see standbys has no metrics of them, until it is granted pg_monitor', async (t) => {
  const roles = await DocumentedRoles.create(server)
  t.teardown(() => roles.drop())
  const url = roles.asService(await roles.createDatabase())
  const watch = await startWatching(t, url)
  t.same((await watch()).count, {})
  await query(server.url(), `GRANT pg_monitor TO ${new URL(url).username}`)
  t.match((await watch()).count, { sync: Number, quorum: Number, potential: Number, async: Number })
})

t.test('a standby is counted by its state, and its lag is what it has not replayed', { skip }, async (t) => {
  const standby = await startStandby(t, server, 'db2')
  const url = await server.createDatabase()
  const watch = await startWatching(t, url)
  await until(async () => (await watch()).lag === 0)
  t.same((await watch()).count, { ...NONE, async: 1 })

  await receiveLog(t, url)
  await until(async () => (await query(url, 'SELECT FROM pg_stat_replication')).length === 2)
  t.same((await watch()).count, { ...NONE, async: 1 }, 'a backup is none')

  standby.freeze()
  await query(url, 'CREATE TABLE written AS SELECT generate_series(1, 50000)')
  await until(async () => ((await watch()).lag ?? 0) > 1e6)
  standby.thaw()
  await until(async () => (await watch()).lag === 0)

  for (const [names, state] of [
    ['ANY 1 (db2, db3)', 'quorum'],
    ['FIRST 1 (db2, db3)', 'sync'],
  ] as const) {
    await query(url, `ALTER SYSTEM SET synchronous_standby_names = '${names}'`)
    await query(url, 'SELECT pg_reload_conf()')
    await until(async () => (await watch()).count[state] === 1)
  }
  await standby.crash()
  await until(async () => (await watch()).count.sync === 0)
  t.same(await watch(), { count: NONE, lag: undefined })
})
