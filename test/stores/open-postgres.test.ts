import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { parseLocation, type StoreLocation } from '../../src/stores/location.ts'
import { openStores } from '../../src/stores/open.ts'
import { lease, receiptsOf } from '../contract/leasing.ts'
import { DAY_MS } from '../contract/open-stores.ts'
import { events, formula, store, submission } from '../contract/submissions.ts'
import { query, startPostgres } from '../support/postgres/server.ts'
import { TestClock } from '../support/test-clock.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

const options = { clock: new TestClock(), answerTtlMs: DAY_MS, maxReceives: 5 }
const at = async (url: string | Promise<string>): Promise<StoreLocation> => parseLocation(await url)
const fresh = (): Promise<StoreLocation> => at(server.createDatabase())
const file = (t: Test, name: string): StoreLocation => parseLocation(`sqlite:${join(t.testdirName, name)}`)

async function open(t: Test, database: StoreLocation, queue = database) {
  const warnings: string[] = []
  const stores = await openStores({ database, queue, options, warn: (message) => warnings.push(message) })
  t.teardown(() => stores.close())
  return { ...stores, warnings }
}

const refuses = (t: Test, message: RegExp, database: StoreLocation, queue = database): Promise<unknown> =>
  t.rejects(openStores({ database, queue, options, warn() {} }), { message })

t.test('one database means one transaction, even if its two URLs name the server differently', async (t) => {
  const url = await server.createDatabase()
  const other = url.replace('127.0.0.1', 'localhost')
  t.not((await open(t, await at(url))).intake, null)
  t.not((await open(t, await at(url), await at(other))).intake, null)
})

t.test('two databases, or a database and a file, are kept in step by a saga', async (t) => {
  // Otherwise files of an earlier run would be found, which name another queue.
  t.testdir()
  const database = await fresh()
  for (const [db, queue] of [
    [database, await fresh()],
    [await fresh(), file(t, 'events.db')],
    [file(t, 'formulas.db'), await fresh()],
  ] as const) {
    const stores = await open(t, db, queue)
    t.equal(stores.intake, null)
    await store(stores.db, submission([formula('a')]))
    t.match(await stores.db.get(formula('a').id), { document: formula('a').document })
  }
})

t.test('a queue in memory beside a PostgreSQL database causes a warning', async (t) => {
  const { warnings, intake } = await open(t, await fresh(), parseLocation('memory:'))
  t.equal(intake, null)
  t.match(warnings, [/in memory/])
})

t.test('another queue is refused until the old one is drained', async (t) => {
  const [database, queue] = [await fresh(), await fresh()]
  const own = await open(t, database)
  await own.intake?.accept(submission([formula('a')]))
  await refuses(t, /^QUEUE_URL was changed from the database's own, which still holds 1 event/, database, queue)
  await own.queue.ack(receiptsOf(await lease(own.queue)))
  await open(t, database, queue)
  const { queue: kept } = await open(t, database, queue)
  await kept.release('1', events('b'))
  // Credentials are not recorded: they must come from the environment.
  await refuses(t, /^QUEUE_URL was changed from postgres:\/\/127.0.0.1:\d+\/\w+, which is not there/, database)
  const { username, password } = new URL(server.url())
  Object.assign(process.env, { PGUSER: username, PGPASSWORD: password })
  t.teardown(() => {
    delete process.env.PGUSER
    delete process.env.PGPASSWORD
  })
  await refuses(t, /^QUEUE_URL was changed from postgres:.*, which still holds 1 event/, database)
  await kept.ack(receiptsOf(await lease(kept)))
  await open(t, database)
})

t.test('an unreachable server is reported in one line, without the password', async (t) => {
  const url = 'postgres://u:secret@127.0.0.1:1/d'
  await t.rejects(openStores({ database: parseLocation(url), queue: parseLocation(url), options, warn() {} }), {
    name: 'StoreUnavailable',
    message: /^PostgreSQL: (?!.*secret).+$/,
  })
})

t.test('a refusal of the server is reported in its own words, in one line, without the password', async (t) => {
  const changed = (change: Partial<URL>): string => Object.assign(new URL(server.url()), change).href
  for (const [url, reason] of [
    [server.url('no_such_database'), /^PostgreSQL: database "no_such_database" does not exist$/],
    [
      changed({ password: 'secret' }),
      /^PostgreSQL: password authentication failed for user "\w+"; it is that of the URL, of PGPASSWORD or/,
    ],
    [changed({ password: '' }), /^PostgreSQL: password authentication failed for user "\w+"; it is that of the URL/],
    [await limitedUser(await server.createDatabase()), /^PostgreSQL: permission denied for database .* which rights/],
  ] as const) {
    const location = parseLocation(url)
    const opening = openStores({ database: location, queue: location, options, warn() {} })
    await t.rejects(opening, { name: 'StoreRefused', message: reason })
  }
})

t.test('a database of any earlier version is refused', async (t) => {
  for (const table of ['version', 'schema_version']) {
    const url = await server.createDatabase()
    await query(url, `CREATE SCHEMA formula_intake; CREATE TABLE formula_intake.${table} (version integer)`)
    await query(url, `INSERT INTO formula_intake.${table} VALUES (1)`)
    await refuses(
      t,
      /^The database is of an earlier version: run `npm run export` of that version.+$/,
      parseLocation(url),
    )
  }
})

t.test('a password comes from a password file where neither the URL nor PGPASSWORD has one', async (t) => {
  const { hostname, port, username, password } = new URL(server.url())
  const PGPASSFILE = join(t.testdir({}), 'passwords')
  writeFileSync(PGPASSFILE, `${hostname}:${port}:*:${username}:${password}\n`, { mode: 0o600 })
  t.intercept(process, 'env', { value: { ...process.env, PGPASSFILE } })
  const warnings: Error[] = []
  process.once('warning', (warning) => warnings.push(warning))
  const url = Object.assign(new URL(await server.createDatabase()), { password: '' }).href
  await open(t, await at(url))
  t.same(warnings, [])
})

t.test('a database whose encoding is not UTF8 is refused', async (t) => {
  const url = server.url(`latin_${Date.now()}`)
  const database = new URL(url).pathname.slice(1)
  await query(server.url(), `CREATE DATABASE ${database} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'`)
  t.teardown(() => query(server.url(), `DROP DATABASE ${database} WITH (FORCE)`))
  await refuses(t, /^The database has the encoding LATIN1: the service needs one with UTF8$/, parseLocation(url))
})

t.test('the privileges that a role lacks are listed at the start', async (t) => {
  const url = await server.createDatabase()
  await open(t, parseLocation(url))
  await query(url, 'GRANT USAGE ON SCHEMA formula_intake TO limited')
  await query(url, 'GRANT SELECT ON ALL TABLES IN SCHEMA formula_intake TO limited')
  const missing =
    /^PostgreSQL: the service has no right to USAGE on acceptance, DELETE on answers, .* in formula_intake;/
  await refuses(t, missing, parseLocation(await limitedUser(url)))
})

t.test('a database that a newer version has written is refused', async (t) => {
  const url = await server.createDatabase()
  const stores = await openStores({ database: parseLocation(url), queue: parseLocation(url), options, warn() {} })
  await stores.close()
  await query(url, 'UPDATE formula_intake.layout_version SET version = 99')
  await refuses(t, /newer version/, parseLocation(url))
})

t.test('an instance waits for one that migrates, and goes by what that did', async (t) => {
  const url = await server.createDatabase()
  await query(url, 'CREATE SCHEMA formula_intake; CREATE TABLE formula_intake.layout_version (version integer)')
  await query(url, 'INSERT INTO formula_intake.layout_version VALUES (0)')
  const other = new pg.Client(url)
  await other.connect()
  t.teardown(() => other.end())
  await other.query('BEGIN; UPDATE formula_intake.layout_version SET version = 99')
  const refused = refuses(t, /newer version/, parseLocation(url))
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`
  while ((await query(url, waiting)).length === 0) await pause(5)
  await other.query('COMMIT')
  await refused
})

/** The URL of a user who may connect, and nothing else. */
async function limitedUser(url: string): Promise<string> {
  const [row] = await query(url, `SELECT 1 FROM pg_roles WHERE rolname = 'limited'`)
  if (row === undefined) await query(url, `CREATE ROLE limited LOGIN PASSWORD 'limited'`)
  return Object.assign(new URL(url), { username: 'limited', password: 'limited' }).href
}
