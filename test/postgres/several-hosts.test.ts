import t, { type Test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { Database } from '../../src/stores/postgres/database.ts'
import { type PostgresServer, query, startPostgres } from '../support/postgres/server.ts'

const skip = Boolean(process.env.TEST_DATABASE_URL) && 'TEST_DATABASE_URL names a server that is not ours to change'

const PORT = "SELECT current_setting('port')::int"
const WRITE = 'CREATE TEMPORARY TABLE written ON COMMIT DROP AS SELECT 1'

/** Two servers, and one that is down. */
async function startServers(t: Test) {
  const servers = await Promise.all(
    [1, 2, 3].map(() => startPostgres({ durable: false, settings: { synchronous_commit: 'on' } })),
  )
  t.teardown(() => Promise.all(servers.map((server) => server.stop())))
  const [down, one, other] = servers as [PostgresServer, PostgresServer, PostgresServer]
  await down.crash()
  return { down, one, other }
}

/** A database behind the addresses of several servers. */
function openDatabase(t: Test, servers: PostgresServer[], user = 'postgres:postgres') {
  const hosts = servers.map((server) => new URL(server.url()).host).join()
  const database = new Database(`postgres://${user}@${hosts}/postgres`)
  t.teardown(() => database.close())
  const portOf = (server: PostgresServer) => Number(new URL(server.url()).port)
  const isUsing = async (server: PostgresServer) => (await database.value(PORT)) === portOf(server)
  return { database, isUsing }
}

async function setUp(t: Test) {
  const { down, one, other } = await startServers(t)
  return { one, other, ...openDatabase(t, [down, one, other]) }
}

t.test(
  'of the servers in a URL, the one that accepts writes is used, and left once it refuses one',
  { skip },
  async (t) => {
    const { one, other, database, isUsing } = await setUp(t)
    await one.setReadOnly(true)
    t.ok(await isUsing(other))
    await one.setReadOnly(false)
    t.ok(await isUsing(other), 'it is kept while it accepts writes')
    await other.setReadOnly(true)
    await t.rejects(database.execute(WRITE), { name: 'StoreUnavailable', message: /read-only/ })
    t.ok(await isUsing(one))
    await one.crash()
    await t.rejects(database.execute(WRITE), StoreUnavailable)
    await t.rejects(database.execute(WRITE), { message: /accepts no writes/ })
    await other.setReadOnly(false)
    t.ok(await isUsing(other))
  },
)

t.test('a primary that was replaced is not used again, though it accepts writes', { skip }, async (t) => {
  const { one, other, database, isUsing } = await setUp(t)
  await one.setReadOnly(true)
  await other.promote()
  t.ok(await isUsing(other))
  await one.setReadOnly(false)
  await other.crash()
  await t.rejects(database.execute(WRITE), StoreUnavailable)
  await t.rejects(database.execute(WRITE), { message: /is no longer the primary/ })
  await one.promote()
  t.ok(await isUsing(one))
})

/** Two clusters of different origin, the one that was made first in front. */
async function startClusters(t: Test): Promise<[PostgresServer, PostgresServer]> {
  const start = async (locale: string) => {
    const server = await startPostgres({ durable: false, locale })
    t.teardown(() => server.stop())
    const [row] = await query<{ id: string }>(server.url(), 'SELECT system_identifier AS id FROM pg_control_system()')
    return { server, id: BigInt(row?.id ?? 0) }
  }
  const [one, other] = await Promise.all([start('en-US'), start('C')])
  return one.id < other.id ? [one.server, other.server] : [other.server, one.server]
}

t.test(
  'the primary of a newer cluster, such as pg_upgrade makes, is used at once, and the older cluster no more',
  { skip },
  async (t) => {
    const [old, upgraded] = await startClusters(t)
    await old.promote()
    await upgraded.setReadOnly(true)
    const { database, isUsing } = openDatabase(t, [old, upgraded])
    t.ok(await isUsing(old))
    await old.crash()
    await t.rejects(database.execute(WRITE), StoreUnavailable)
    await upgraded.setReadOnly(false)
    t.ok(await isUsing(upgraded))
    await upgraded.crash()
    await t.rejects(database.execute(WRITE), StoreUnavailable)
    await old.start()
    await t.rejects(database.execute(WRITE), { message: /is no longer the primary/ })
  },
)

t.test('once a role may not ask which cluster a server is of, timelines still count', { skip }, async (t) => {
  const { one, other } = await startServers(t)
  await other.promote()
  for (const server of [one, other]) await query(server.url(), "CREATE ROLE intake LOGIN PASSWORD 'intake'")
  const { database, isUsing } = openDatabase(t, [one, other], 'intake:intake')
  t.ok(await isUsing(other))
  for (const server of [one, other]) {
    await query(server.url(), 'REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC')
  }
  await other.crash()
  await t.rejects(database.execute(WRITE), StoreUnavailable)
  await t.rejects(database.execute(WRITE), { message: /is no longer the primary/ })
  await other.start()
  t.ok(await isUsing(other))
})

t.test(
  'a primary that hangs is left for one that was promoted, and what hangs there is given up',
  { skip },
  async (t) => {
    const { one, other, database, isUsing } = await setUp(t)
    await other.setReadOnly(true)
    t.ok(await isUsing(one))
    await query(one.url(), "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await query(one.url(), 'SELECT pg_reload_conf()')
    const hanging = t.rejects(database.execute(WRITE), { name: 'StoreUnavailable', message: /Connection terminated/ })
    await other.promote()
    await other.setReadOnly(false)
    await hanging
    t.ok(await isUsing(other))
  },
)
