import { OLD_FINGERPRINTS, StoreRefused } from '../../errors/store-errors.ts'
import type { Database } from './database.ts'
import { FUNCTIONS } from './functions.ts'
import { FINGERPRINTS_2, migrations } from './schema.ts'

/** Names the lock that migrations are under: "FFI" and a number. */
const LOCK = 0x46464901

/**
 * A change waits no longer for a table. Whoever wants the table waits behind it, instances of the version before too, and
 * a dump reads it for hours.
 */
const PATIENCE = `SET LOCAL lock_timeout = '2s'`

const BEGINNING = `
CREATE SCHEMA IF NOT EXISTS formula_intake;
CREATE TABLE formula_intake.version (version integer NOT NULL);
INSERT INTO formula_intake.version VALUES (0)`

/**
 * Brings the schema up to date, one instance at a time: the others wait, and find it done.
 * @throws {StoreRefused} when a newer version of the service has written it, or one with other fingerprints
 * @throws {StoreUnavailable} also when somebody else uses a table for long; nothing is changed then
 */
export function migrate(database: Database): Promise<void> {
  return database.transaction(async (query) => {
    await query('SELECT pg_catalog.pg_advisory_xact_lock($1)', [LOCK])
    const [found] = await query(`SELECT pg_catalog.to_regclass('formula_intake.version') IS NOT NULL AS exists`)
    if (found?.exists !== true) await query(BEGINNING)
    const [row] = await query('SELECT version FROM formula_intake.version')
    const done = row?.version as number
    if (done > migrations.length) {
      throw new StoreRefused(`The database was written by a newer version of this service (schema ${done})`)
    }
    if (done > 0 && done < FINGERPRINTS_2) throw new StoreRefused(`The database ${OLD_FINGERPRINTS}`)
    if (done === migrations.length) return
    await query(PATIENCE)
    for (const statement of [...migrations.slice(done), ...FUNCTIONS]) await query(statement)
    await query('UPDATE formula_intake.version SET version = $1', [migrations.length])
  })
}
