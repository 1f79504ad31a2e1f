import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { EARLIER_VERSION, StoreRefused } from '../../../errors/store-errors.ts'
import { APPLICATION_ID, EARLIER_IDS, migrations, version } from '../schema.ts'

/** Up to this size, in bytes, indexes are compared with their tables as well; it takes about 0.4 s. */
const CLOSE_CHECK_BYTES = 64 * 2 ** 20
/** Up to this size, in bytes, a file is checked in whole; it takes about 0.4 s. */
const WHOLE_CHECK_BYTES = 256 * 2 ** 20
/** The tables that grow without end: left out of the check of a larger file, which is to start within seconds. */
const ENDLESS = ['formulas', 'answers', 'formulas_by_prefix', 'formulas_by_search', 'answers_by_prefix', 'events']

/**
 * Makes sure that an open file may be written: it is ours, of a version we know, with the tables of that version, and
 * its pages fit together. A byte changed within a value is not noticed: SQLite keeps no checksums.
 * @throws {StoreRefused} saying why not
 */
export function checkSound(db: DatabaseSync, path: string): void {
  checkOrigin(db, path)
  const lacking = lackingObjects(db)
  if (lacking.length > 0) throw new StoreRefused(`${path} is damaged: it lacks ${lacking.join(', ')}; ${LEFT}`)
  for (const check of checksOf(path, version(db))) {
    const [finding] = Object.values(db.prepare(`PRAGMA ${check}`).get() ?? {}) as [string]
    if (finding !== 'ok') throw new StoreRefused(`${path} is damaged: ${finding.replace(/\s+/g, ' ')}; ${LEFT}`)
  }
  if (version(db) === 0) return
  checkIndexes(db, path)
  checkLog(db, path)
  checkDeliveries(db, path)
}

/** What every refusal ends with. */
export const LEFT = 'it is left as it is'

/** @throws {StoreRefused} when a file is another program's, or another version's that this one cannot work with */
export function checkOrigin(db: DatabaseSync, path: string): void {
  const tables = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get() as { count: number }
  const { application_id: origin } = db.prepare('PRAGMA application_id').get() as { application_id: number }
  if (EARLIER_IDS.includes(origin)) throw new StoreRefused(`${path} ${EARLIER_VERSION}`)
  if (origin !== APPLICATION_ID && (tables.count > 0 || origin !== 0)) {
    throw new StoreRefused(`${path} is a database of another program; ${LEFT}`)
  }
  if (version(db) > migrations.length) {
    throw new StoreRefused(`${path} was written by a newer version of this service; ${LEFT}`)
  }
}

interface SchemaObject {
  name: string
  sql: string
}

const objectsOf = (db: DatabaseSync) =>
  db.prepare('SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL').all() as unknown as SchemaObject[]

/** What the versions make, of those that files were found to have. */
const made = new Map<number, SchemaObject[]>()

function objectsMadeBy(version: number): SchemaObject[] {
  const known = made.get(version)
  if (known !== undefined) return known
  const model = new DatabaseSync(':memory:')
  for (const migration of migrations.slice(0, version)) model.exec(migration)
  const objects = objectsOf(model)
  model.close()
  made.set(version, objects)
  return objects
}

/** Tables and indexes of the file's version that are not there, or not as that version makes them. */
function lackingObjects(db: DatabaseSync): string[] {
  const found = new Map(objectsOf(db).map(({ name, sql }) => [name, sql]))
  const lacking = objectsMadeBy(version(db)).filter(({ name, sql }) => found.get(name) !== sql)
  return lacking.map(({ name }) => name)
}

function checksOf(path: string, migrated: number): string[] {
  if (migrated === 0) return []
  const { size } = statSync(path)
  if (size <= WHOLE_CHECK_BYTES) return [size <= CLOSE_CHECK_BYTES ? 'integrity_check(1)' : 'quick_check(1)']
  const tables = [...migrations.join('').matchAll(/CREATE TABLE (\w+)/g)].map(([, name]) => name as string)
  return tables.filter((name) => !ENDLESS.includes(name)).map((name) => `quick_check('${name}')`)
}

/** Each table, how far its indexes reach, and the index that each of its columns is looked up by. */
const INDEXES = [
  ['formulas', 'prefix', 'formulas_by_prefix'],
  ['formulas', 'search', 'formulas_by_search'],
  ['answers', 'prefix', 'answers_by_prefix'],
] as const

/** A formula that an index lacks would be taken in again, and an answer would be given anew. */
function checkIndexes(db: DatabaseSync, path: string): void {
  const { check, one } = checking(db, path)
  check(one('SELECT count(*) FROM indexed') === 1, 'indexed is not one row')
  check(
    one(
      `SELECT (SELECT formulas FROM indexed) <= max((SELECT ifnull(max(seq), 0) FROM formulas), formula) FROM numbers`,
    ) === 1,
    'its indexes reach behind its formulas',
  )
  if (statSync(path).size > CLOSE_CHECK_BYTES) return
  for (const [table, column, index] of INDEXES) {
    const lacking = one(
      `SELECT EXISTS (SELECT 1 FROM ${table} WHERE seq <= (SELECT ${table} FROM indexed) AND NOT EXISTS
        (SELECT 1 FROM ${index} WHERE ${index}.${column} = ${table}.${column} AND ${index}.seq = ${table}.seq))`,
    )
    check(lacking === 0, `${index} lacks rows of ${table}`)
  }
}

/** Up to so many events, and deliveries of one state, are counted. */
const MOST_COUNTED = 100_000

/** The head of the log: a position that is taken would be given to another event. */
const HEAD = '(SELECT max((SELECT ifnull(max(position), 0) FROM events), position) FROM numbers)'

function checkLog(db: DatabaseSync, path: string): void {
  const { check, one } = checking(db, path)
  for (const table of ['identity', 'numbers'])
    check(one(`SELECT count(*) FROM ${table}`) === 1, `${table} is not one row`)
  const first = one(`SELECT ifnull(min(position), ${HEAD} + 1) FROM events`)
  const length = one(`SELECT ${HEAD}`) - first + 1
  if (length > MOST_COUNTED) return
  check(one('SELECT count(*) FROM events') === length, 'its event log has gaps')
}

/** Deliveries are counted where they are written: counts that do not fit would be wrong for ever. */
function checkDeliveries(db: DatabaseSync, path: string): void {
  const { check, one } = checking(db, path)
  check(one(`SELECT count(*) FROM subscriptions WHERE name = 'default'`) === 1, 'it lacks a subscription')
  check(
    one(`SELECT ifnull(max(position), 0) <= ${HEAD} FROM subscriptions`) === 1,
    'a subscription is ahead of its log',
  )
  for (const subscription of db.prepare('SELECT * FROM subscriptions').all()) {
    for (const state of ['leased', 'delayed', 'returned', 'redriven', 'dead']) {
      const counted = subscription[state] as number
      if (counted > MOST_COUNTED) continue
      const there = one(
        `SELECT count(*) FROM (SELECT 1 FROM deliveries
           WHERE subscription = ${subscription.id} AND state = '${state}' LIMIT ${MOST_COUNTED + 1})`,
      )
      check(there === counted, `${subscription.name} has ${there} events that are ${state} and counts ${counted}`)
    }
  }
  const lost = one(
    `SELECT count(*) FROM (SELECT position FROM deliveries WHERE fingerprint IS NULL LIMIT ${MOST_COUNTED}) AS wanted
     WHERE NOT EXISTS (SELECT 1 FROM events WHERE events.position = wanted.position AND fingerprint IS NOT NULL)`,
  )
  check(lost === 0, `it lacks the events of ${lost} deliveries`)
}

function checking(db: DatabaseSync, path: string) {
  return {
    check(holds: boolean, what: string): void {
      if (!holds) throw new StoreRefused(`${path} is damaged: ${what}; ${LEFT}`)
    },
    one: (sql: string): number => Number(Object.values(db.prepare(sql).get() ?? {})[0]),
  }
}
