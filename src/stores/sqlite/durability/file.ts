import { randomUUID } from 'node:crypto'
import { accessSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { StoreRefused } from '../../../errors/store-errors.ts'
import { realPath } from '../real-path.ts'
import { migrate } from '../schema.ts'
import { checkSound, LEFT } from './integrity.ts'
import { refuseMountedAlone } from './mounted-alone.ts'
import { logIsDamaged } from './wal-check.ts'

/** Enough for the inner pages of every index at millions of formulas. */
const WRITER_CACHE_KIB = 16_384
/** How long to wait for a tool that holds the file for a moment, in milliseconds. */
export const BUSY_MS = 2_000

/**
 * Opens a database file for writing, creating or migrating it as needed. Every commit is synced to disk.
 * @throws {StoreRefused} when it is no file of this service, damaged, or written by a newer version, or Node's SQLite is
 *   too old
 */
export function openForWriting(path: string): DatabaseSync {
  return refusing(path, () => {
    checkSqliteVersion()
    syncLog(path)
    const checked = checkWithoutWriting(path)
    if (checked) refuseOpenElsewhere(path)
    const db = new DatabaseSync(path)
    try {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
      if (!checked) checkSound(db, path)
      db.exec('PRAGMA journal_mode = WAL')
      db.exec('PRAGMA synchronous = FULL')
      // What is deleted is secret still; measured, it costs 3 % more bytes written and no time.
      db.exec('PRAGMA secure_delete = ON')
      migrate(db, randomUUID())
      // Within a commit, everybody would wait for it: see checkpoints.ts.
      db.exec('PRAGMA wal_autocheckpoint = 0')
      db.exec(`PRAGMA cache_size = -${WRITER_CACHE_KIB}`)
      syncName(path)
      return db
    } catch (error) {
      db.close()
      throw error
    }
  })
}

/**
 * Checks a file through a connection that cannot write: closing one that can would bring the log into the file, and a
 * damaged file is to be left as it is.
 * @returns false when it has to be checked by a connection that can write: it is new, or its creation was interrupted
 */
function checkWithoutWriting(path: string): boolean {
  const [size, log, journal] = ['', '-wal', '-journal'].map((suffix) => sizeOf(`${realPath(path)}${suffix}`))
  // SQLite would delete the log of an empty file.
  if (size === 0 && log !== 0) throw new StoreRefused(`${path} is damaged: it is empty, its log (-wal) is not; ${LEFT}`)
  // SQLite opens a file that it must not write for reading alone, and says nothing.
  if (existsSync(path)) accessSync(path, constants.W_OK)
  if (size === 0) return false
  if (log !== 0 && logIsDamaged(realPath(path))) {
    throw new StoreRefused(`${path} is damaged: its log (-wal) is broken before its end; ${LEFT}`)
  }
  const db = log === 0 && journal === 0 ? openAlone(path) : openForReading(path)
  try {
    checkSound(db, path)
    return true
  } catch (error) {
    if (RECOVERABLE.has(sqliteCode(error) ?? 0)) return false
    throw error
  } finally {
    db.close()
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Opens a file that has no log for reading alone, without making one. */
function openAlone(path: string): DatabaseSync {
  const url = pathToFileURL(path)
  url.searchParams.set('immutable', '1')
  return new DatabaseSync(url, { readOnly: true })
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
 * @throws {StoreRefused} when another process, or this one, owns it already, or could by another name of the file
 */
export function lock(path: string): () => void {
  return refusing(path, () => {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats?.isFile() === false) throw new StoreRefused(`${path} is not a file`)
    // The lock and SQLite's log go by the name: under each name there would be another.
    if ((stats?.nlink ?? 1) > 1) {
      throw new StoreRefused(`${path} has a second name (a hard link), which must be removed`)
    }
    refuseMountedAlone(path)
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

/**
 * A file that is renamed or linked while a process has it open leaves its log under the old name. Every connection holds
 * a lock on the file itself for as long as it is open. Where there is no log, nobody has it open by this name, so a lock
 * that is not to be had is held by another name's.
 */
function refuseOpenElsewhere(path: string): void {
  if (existsSync(`${realPath(path)}-wal`)) return
  const db = new DatabaseSync(path)
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    db.exec('PRAGMA locking_mode = EXCLUSIVE')
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
  } catch (error) {
    if (sqliteCode(error) !== SQLITE_BUSY) throw error
    throw new StoreRefused(`${path} is in use by another process, under another name`)
  } finally {
    db.close()
  }
}

const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26
const SQLITE_READONLY = 8
const SQLITE_CANTOPEN = 14
/** What a connection that cannot write says of a rollback journal that a power cut has left. */
const RECOVERABLE = new Set([SQLITE_READONLY, SQLITE_CANTOPEN])

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
      throw new StoreRefused(`${path} is damaged or no SQLite database; ${LEFT}`)
    }
    throw new StoreRefused(`${path} cannot be opened: ${(error as Error).message}`)
  }
}

/**
 * A process that was killed may have written to the log and not synced it. What is found there is answered from now on,
 * and another transaction may be written upon it: it has to outlast a power cut.
 */
function syncLog(path: string): void {
  const log = `${realPath(path)}-wal`
  if (existsSync(log)) sync(log)
}

/** SQLite syncs what is in a new file; that the file and its folder are there must outlast a power cut as well. */
function syncName(path: string): void {
  sync(dirname(path))
  sync(dirname(dirname(path)))
}

/** Brings what was written to a file, or to a folder's list of names, to the disk. */
export function sync(path: string): void {
  const handle = openSync(path, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

/**
 * The first that can tell of its log without a checkpoint, `PRAGMA wal_checkpoint(NOOP)`. An older one takes the unknown
 * word for its default and makes one in part, which it does not sync: see checkpoints.ts.
 */
const NEEDED = [3, 51] as const
/** The Node that package.json asks for. 24.13.1 was the first to have this SQLite; 24.14.1 also has JSON.parse mended. */
const NODE = '24.14.1'

/** @throws {StoreRefused} where the SQLite that Node has would endanger what is stored */
export function checkSqliteVersion(found = process.versions.sqlite as string): void {
  const [major = 0, minor = 0] = found.split('.').map(Number)
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return
  throw new StoreRefused(`This Node has SQLite ${found}, which is too old for it to be safe: use Node ${NODE} or later`)
}
