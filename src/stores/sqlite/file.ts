import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreRefused } from '../../errors/store-errors.ts'
import { realPath } from '../location.ts'
import { APPLICATION_ID, migrations } from './schema.ts'

/** How long to wait for a tool that holds the file for a moment, in milliseconds. */
const BUSY_MS = 2_000

/**
 * Opens a database file for writing, creating or migrating it as needed. Every commit is synced to disk.
 * @throws {StoreRefused} when it is no file of this service, damaged, or written by a newer version
 */
export function openForWriting(path: string): DatabaseSync {
  return refusing(path, () => {
    const db = new DatabaseSync(path)
    try {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
      checkOrigin(db, path)
      db.exec('PRAGMA journal_mode = WAL')
      db.exec('PRAGMA synchronous = FULL')
      if (migrate(db)) syncName(path)
      return db
    } catch (error) {
      db.close()
      throw error
    }
  })
}

/** Opens a file that is already in use by the writer, for reading alone. */
export function openForReading(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true })
  db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
  return db
}

/**
 * Makes this process the only owner of a database file, until the returned function is called or the process ends,
 * however it ends: the lock is one the operating system holds, on a file beside the database.
 * @throws {StoreRefused} when another process, or this one, owns it already
 */
export function own(path: string): () => void {
  return refusing(path, () => {
    mkdirSync(dirname(path), { recursive: true })
    const lock = new DatabaseSync(`${realPath(path)}.lock`)
    try {
      lock.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      lock.close()
      if (sqliteCode(error) !== SQLITE_BUSY) throw error
      throw new StoreRefused(`${path} is in use by another process of this service`)
    }
    return () => lock.close()
  })
}

const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** The primary result code of an error from SQLite; undefined for any other. */
function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: number }).errcode
  return code === undefined ? undefined : code & 0xff
}

function refusing<T>(path: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (error instanceof StoreRefused) throw error
    const code = sqliteCode(error)
    if (code === SQLITE_NOTADB || code === SQLITE_CORRUPT) {
      throw new StoreRefused(`${path} is damaged or no SQLite database; it is left as it is`)
    }
    throw new StoreRefused(`${path} cannot be opened: ${(error as Error).message}`)
  }
}

function checkOrigin(db: DatabaseSync, path: string): void {
  const tables = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get() as { count: number }
  const { application_id: origin } = db.prepare('PRAGMA application_id').get() as { application_id: number }
  if (origin !== APPLICATION_ID && (tables.count > 0 || origin !== 0)) {
    throw new StoreRefused(`${path} is a database of another program; it is left as it is`)
  }
  if (version(db) > migrations.length) {
    throw new StoreRefused(`${path} was written by a newer version of this service; it is left as it is`)
  }
}

/** @returns whether the file is new */
function migrate(db: DatabaseSync): boolean {
  const before = version(db)
  for (let done = before; done < migrations.length; done++) {
    db.exec('BEGIN IMMEDIATE')
    db.exec(migrations[done] as string)
    if (done === 0) db.prepare('INSERT INTO identity (store_id) VALUES (?)').run(randomUUID())
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
    db.exec(`PRAGMA user_version = ${done + 1}`)
    db.exec('COMMIT')
  }
  return before === 0
}

const version = (db: DatabaseSync): number =>
  (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version

/** SQLite syncs what is in a new file; that the file and its folder are there must outlast a power cut as well. */
function syncName(path: string): void {
  const folder = dirname(path)
  for (const directory of [folder, dirname(folder)]) {
    const handle = openSync(directory, 'r')
    fsyncSync(handle)
    closeSync(handle)
  }
}
