import { EARLIER_VERSION, StoreRefused } from '../../errors/store-errors.ts'
import type { Database, Query } from './database.ts'
import { FUNCTIONS } from './functions.ts'
import { LEASE_FUNCTIONS } from './lease-functions.ts'
import { migrations } from './schema.ts'
import { SUBSCRIPTION_FUNCTIONS } from './subscription-functions.ts'

/** Names the lock that migrations are under: "FFI" and a number. */
const LOCK = 0x46464901

/**
 * A change waits no longer for a table. Whoever wants the table waits behind it, instances of the version before too, and
 * a dump reads it for hours.
 */
const PATIENCE = `SET LOCAL lock_timeout = '2s'`

const BEGINNING = `
CREATE SCHEMA IF NOT EXISTS formula_intake;
CREATE TABLE formula_intake.schema_version (version integer NOT NULL);
INSERT INTO formula_intake.schema_version VALUES (0)`

/** Earlier versions of the service counted in another table. */
const FOUND = `
SELECT pg_catalog.to_regclass('formula_intake.version') IS NOT NULL AS is_earlier,
  pg_catalog.to_regclass('formula_intake.schema_version') IS NOT NULL AS is_ours`

const ENCODING = `SELECT pg_catalog.current_setting('server_encoding') AS encoding`

/** What the service may not do that it has to. */
const MISSING_RIGHTS = `
SELECT needed, relname AS name FROM pg_catalog.pg_class,
  (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS rights (needed)
WHERE relnamespace = pg_catalog.to_regnamespace('formula_intake')::oid AND relkind = 'r' AND relname <> 'schema_version'
  AND NOT pg_catalog.has_table_privilege(oid, needed)
UNION ALL
SELECT 'USAGE', relname FROM pg_catalog.pg_class
WHERE relnamespace = pg_catalog.to_regnamespace('formula_intake')::oid
  AND CASE relkind WHEN 'S' THEN NOT pg_catalog.has_sequence_privilege(oid, 'USAGE') END
UNION ALL
SELECT 'EXECUTE', proname FROM pg_catalog.pg_proc
WHERE pronamespace = pg_catalog.to_regnamespace('formula_intake')::oid
  AND NOT pg_catalog.has_function_privilege(oid, 'EXECUTE')
ORDER BY 2, 1`

/** SQLSTATE of what the server refuses whoever asks again: who they are, where they go, what they may not do. */
const REFUSED = /^(28|3D000)/
const INSUFFICIENT_PRIVILEGE = '42501'
const INVALID_PASSWORD = '28P01'
const PASSWORDS = 'it is that of the URL, of PGPASSWORD or of a password file'
const RIGHTS = 'docs/postgresql.md says which rights the service needs'

/**
 * Brings the schema up to date, one instance at a time: the others wait, and find it done.
 * @throws {StoreRefused} when another version of the service has written it, the service lacks a right, the server lets
 *   nobody in so, or the database does not hold every text
 * @throws {StoreUnavailable} also when somebody else uses a table for long; nothing is changed then
 */
export async function migrate(database: Database): Promise<void> {
  try {
    await database.transaction(bringUp)
    const missing = await database.query(MISSING_RIGHTS)
    if (missing.length === 0) return
    const rights = missing.map(({ needed, name }) => `${needed} on ${name}`).join(', ')
    throw new StoreRefused(`PostgreSQL: the service has no right to ${rights} in formula_intake; ${RIGHTS}`)
  } catch (error) {
    throw refusalOf(error as Error)
  }
}

/** The error, as a refusal where the server has said no. */
function refusalOf(error: Error): Error {
  const { code = '' } = (error.cause ?? {}) as { code?: string }
  if (code === INSUFFICIENT_PRIVILEGE) return new StoreRefused(`${error.message}; ${RIGHTS}`)
  if (code === INVALID_PASSWORD) return new StoreRefused(`${error.message}; ${PASSWORDS}`)
  return REFUSED.test(code) ? new StoreRefused(error.message) : error
}

async function bringUp(query: Query): Promise<void> {
  await query('SELECT pg_catalog.pg_advisory_xact_lock($1)', [LOCK])
  const [{ encoding } = {}] = await query(ENCODING)
  if (encoding !== 'UTF8') {
    throw new StoreRefused(`The database has the encoding ${encoding}: the service needs one with UTF8`)
  }
  const [found] = await query(FOUND)
  if (found?.is_earlier === true) throw new StoreRefused(`The database ${EARLIER_VERSION}`)
  if (found?.is_ours !== true) await query(BEGINNING)
  const [row] = await query('SELECT version FROM formula_intake.schema_version')
  const done = row?.version as number
  if (done > migrations.length) {
    throw new StoreRefused(`The database was written by a newer version of this service (schema ${done})`)
  }
  if (done === migrations.length) return
  await query(PATIENCE)
  const functions = [...FUNCTIONS, ...LEASE_FUNCTIONS, ...SUBSCRIPTION_FUNCTIONS]
  for (const statement of [...migrations.slice(done), ...functions]) await query(statement)
  await query('UPDATE formula_intake.schema_version SET version = $1', [migrations.length])
}
