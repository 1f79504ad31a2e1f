import t, { type Test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { Database } from '../../src/stores/postgres/database.ts'
import { type PostgresServer, query, startPostgres } from '../support/postgres/server.ts'

const skip = Boolean(process.env.TEST_DATABASE_URL) && 'TEST_DATABASE_URL names a server that is not ours to change'

const PORT = "SELECT current_setting('port')::int"
const WRITE = 'CREATE TEMPORARY TABLE written ON COMMIT DROP AS SELECT 1'

/** A database behind the addresses of two servers and of one that is down. */
async function setUp(t: Test) {
  const servers = await Promise.all(
    [1, 2, 3].map(() => startPostgres({ durable: false, settings: { synchronous_commit: 'on' } })),
  )
  t.teardown(() => Promise.all(servers.map((server) => server.stop())))
  const [down, one, other] = servers as [PostgresServer, PostgresServer, PostgresServer]
  const hosts = servers.map((server) => new URL(server.url()).host).join()
  await down.crash()
  const database = new Database(`postgres://postgres:postgres@${hosts}/postgres`)
  t.teardown(() => database.close())
  const portOf = (server: PostgresServer) => Number(new URL(server.url()).port)
  const isUsing = async (server: PostgresServer) => (await database.value(PORT)) === portOf(server)
  return { one, other, database, isUsing }
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
