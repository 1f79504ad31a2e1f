import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { EARLIER_VERSION, StoreRefused } from '../../../errors/store-errors.ts'
import { APPLICATION_ID, EARLIER_IDS, migrations, version } from '../schema.ts'
import { prefixOf } from '../upkeep/late-index.ts'

/** The largest file, in bytes, whose indexes are compared with their tables; takes about 0.4 s. */
const INDEX_CHECK_BYTES = 64 * 2 ** 20
/** The largest file, in bytes, of which all pages are checked; takes about 0.4 s. */
const WHOLE_CHECK_BYTES = 256 * 2 ** 20
/** Tables that grow without end. In a larger file their pages are not checked, so that it opens within seconds. */
const UNBOUNDED = ['formulas', 'answers', 'formulas_by_prefix', 'formulas_by_search', 'answers_by_prefix', 'events']
/** If there are more events, or more deliveries in one state, they are not counted. */
const MAX_COUNTED = 100_000
/** The end of every refusal. */
export const LEFT_AS_IS = 'it is left as it is'

/**
 * Checks that a file can be used: it is ours, of a known version, with the tables of that version, and its pages are
 * consistent. A changed byte within a value goes unnoticed, because SQLite keeps no checksums.
 * @throws {StoreRefused} saying why not
 */
export function checkIntegrity(db: DatabaseSync, path: string): void {
  checkOrigin(db, path)
  const file = checksOf(db, path)
  const missing = missingObjects(db)
  file.check(missing.length === 0, `missing ${missing.join(', ')}`)
  for (const check of pageChecks(path, version(db))) {
    const finding = file.value(`PRAGMA ${check}`)
    file.check(finding === 'ok', String(finding).replace(/\s+/g, ' '))
  }
  if (version(db) === 0) return
  checkIndexes(file)
  checkLog(file)
  checkDeliveries(file)
}

/** @throws {StoreRefused} when a file is of another program, or of a version that this one cannot read */
export function checkOrigin(db: DatabaseSync, path: string): void {
  const tables = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get() as { count: number }
  const { application_id: origin } = db.prepare('PRAGMA application_id').get() as { application_id: number }
  if (EARLIER_IDS.includes(origin)) throw new StoreRefused(`${path} ${EARLIER_VERSION}`)
  if (origin !== APPLICATION_ID && (tables.count > 0 || origin !== 0)) {
    throw new StoreRefused(`${path} is a database of another program; ${LEFT_AS_IS}`)
  }
  if (version(db) > migrations.length) {
    throw new StoreRefused(`${path} was written by a newer version of this service; ${LEFT_AS_IS}`)
  }
}

type Checks = ReturnType<typeof checksOf>

function checksOf(db: DatabaseSync, path: string) {
  return {
    db,
    path,
    /** @throws {StoreRefused} unless it holds */
    check(holds: boolean, finding: string): void {
      if (!holds) throw new StoreRefused(`${path} is damaged: ${finding}; ${LEFT_AS_IS}`)
    },
    /** The first column of the first row. */
    value: (sql: string): unknown => Object.values(db.prepare(sql).get() ?? {})[0],
    number: (sql: string): number => Number(Object.values(db.prepare(sql).get() ?? {})[0]),
  }
}

interface SchemaObject {
  name: string
  sql: string
}

const objectsOf = (db: DatabaseSync) =>
  db.prepare('SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL').all() as unknown as SchemaObject[]

/** The tables and indexes that the migrations of a version create. */
function objectsOfVersion(version: number): SchemaObject[] {
  const model = new DatabaseSync(':memory:')
  for (const migration of migrations.slice(0, version)) model.exec(migration)
  const objects = objectsOf(model)
  model.close()
  return objects
}

/** Tables and indexes of the file's version that it does not have, or has with another definition. */
function missingObjects(db: DatabaseSync): string[] {
  const found = new Map(objectsOf(db).map(({ name, sql }) => [name, sql]))
  const missing = objectsOfVersion(version(db)).filter(({ name, sql }) => found.get(name) !== sql)
  return missing.map(({ name }) => name)
}

function pageChecks(path: string, migrated: number): string[] {
  if (migrated === 0) return []
  const { size } = statSync(path)
  if (size <= WHOLE_CHECK_BYTES) return [size <= INDEX_CHECK_BYTES ? 'integrity_check(1)' : 'quick_check(1)']
  const tables = [...migrations.join('').matchAll(/CREATE TABLE (\w+)/g)].map(([, name]) => name as string)
  return tables.filter((name) => !UNBOUNDED.includes(name)).map((name) => `quick_check('${name}')`)
}

/** The late indexes: table, index, and the condition that joins the two. */
const INDEXES = [
  ['formulas', 'formulas_by_prefix', 'prefix = prefix_of(fingerprint)'],
  ['formulas', 'formulas_by_search', 'formulas_by_search.search = formulas.search'],
  ['answers', 'answers_by_prefix', 'prefix = prefix_of(slot)'],
] as const

/** A formula missing from the index could be stored twice, and a submission whose answer is missing could run again. */
function checkIndexes(file: Checks): void {
  file.check(file.number('SELECT count(*) FROM indexed') === 1, 'indexed is not one row')
  const reach = file.number(
    'SELECT (SELECT formulas FROM indexed) <= max((SELECT ifnull(max(seq), 0) FROM formulas), formula) FROM numbers',
  )
  file.check(reach === 1, 'its indexes reach past its formulas')
  if (statSync(file.path).size > INDEX_CHECK_BYTES) return
  file.db.function('prefix_of', (hash) => prefixOf(Buffer.from(hash as Uint8Array)))
  for (const [table, index, isEntry] of INDEXES) {
    const missing = file.number(
      `SELECT EXISTS (SELECT 1 FROM ${table} WHERE seq <= (SELECT ${table} FROM indexed) AND NOT EXISTS
        (SELECT 1 FROM ${index} WHERE ${isEntry} AND ${index}.seq = ${table}.seq))`,
    )
    file.check(missing === 0, `${index} has no entry for some rows of ${table}`)
  }
}

/** The head of the log. If it were too low, a used position would be given to another event. */
const HEAD = '(SELECT max((SELECT ifnull(max(position), 0) FROM events), position) FROM numbers)'

function checkLog(file: Checks): void {
  for (const table of ['identity', 'numbers']) {
    file.check(file.number(`SELECT count(*) FROM ${table}`) === 1, `${table} is not one row`)
  }
  const length = file.number(`SELECT ${HEAD} - ifnull(min(position), ${HEAD} + 1) + 1 FROM events`)
  if (length > MAX_COUNTED) return
  file.check(file.number('SELECT count(*) FROM events') === length, 'its event log has gaps')
}

/** The counters of deliveries are updated step by step and never recomputed: a wrong one would stay wrong. */
function checkDeliveries(file: Checks): void {
  const isDefault = file.number(`SELECT count(*) FROM subscriptions WHERE name = 'default'`)
  file.check(isDefault === 1, 'its default subscription is missing')
  const isBehind = file.number(`SELECT ifnull(max(position), 0) <= ${HEAD} FROM subscriptions`)
  file.check(isBehind === 1, 'a subscription is ahead of its log')
  for (const subscription of file.db.prepare('SELECT * FROM subscriptions').all()) {
    for (const state of ['leased', 'delayed', 'returned', 'redriven', 'dead']) {
      const counted = subscription[state] as number
      if (counted > MAX_COUNTED) continue
      const there = file.number(
        `SELECT count(*) FROM (SELECT 1 FROM deliveries
           WHERE subscription = ${subscription.id} AND state = '${state}' LIMIT ${MAX_COUNTED + 1})`,
      )
      file.check(there === counted, `${subscription.name} has ${there} events that are ${state} and counts ${counted}`)
    }
  }
  const lost = file.number(
    `SELECT count(*) FROM (SELECT position FROM deliveries WHERE fingerprint IS NULL LIMIT ${MAX_COUNTED}) AS wanted
     WHERE NOT EXISTS (SELECT 1 FROM events WHERE events.position = wanted.position AND fingerprint IS NOT NULL)`,
  )
  file.check(lost === 0, `the events of ${lost} deliveries are missing`)
}
