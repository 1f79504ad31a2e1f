import { randomUUID } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { StoreInUse, StoreRefused } from '../../../errors/store-errors.ts'
import { migrate, PAGE_SIZE } from '../schema.ts'
import { sync } from './disk.ts'
import { checkIntegrity, LEFT_AS_IS } from './integrity.ts'
import { realPath, refuseMountedFile } from './paths.ts'
import { logIsDamaged } from './wal-check.ts'

/** The writer's page cache: it holds the inner pages of every index at millions of formulas. */
const WRITER_CACHE_KIB = 16_384
/** How long a statement waits for a tool that has locked the file, in milliseconds. */
export const BUSY_MS = 2_000

/**
 * Opens a database file for writing, and creates or migrates it as needed. Every commit is synced to disk.
 * @throws {StoreRefused} when the file is damaged, of another program or of a newer version, or Node's SQLite is too old
 */
export function openForWriting(path: string): DatabaseSync {
  return refuseOnError(path, () => {
    checkSqliteVersion()
    syncLog(path)
    const checked = checkWithoutWriting(path)
    if (checked) refuseOpenElsewhere(path)
    const db = new DatabaseSync(path, { timeout: BUSY_MS })
    try {
      if (!checked) checkIntegrity(db, path)
      // Applies to a new file only.
      db.exec(`PRAGMA page_size = ${PAGE_SIZE}`)
      db.exec('PRAGMA journal_mode = WAL')
      db.exec('PRAGMA synchronous = FULL')
      // Overwrites deleted formulas, which are still secret. Measured cost: 3 % more bytes written, no time.
      db.exec('PRAGMA secure_delete = ON')
      migrate(db, randomUUID())
      // An automatic checkpoint runs within a commit, where every caller waits for it: see checkpoints.ts.
      db.exec('PRAGMA wal_autocheckpoint = 0')
      db.exec(`PRAGMA cache_size = -${WRITER_CACHE_KIB}`)
      syncFolders(path)
      return db
    } catch (error) {
      db.close()
      throw error
    }
  })
}

/**
 * Checks a file through a read-only connection, because a damaged file must be left as it is: closing a connection that
 * can write would move the log into the file.
 * @returns false when only a connection that can write can check it: it is new, or its creation was interrupted
 */
function checkWithoutWriting(path: string): boolean {
  const [size, log, journal] = ['', '-wal', '-journal'].map((suffix) => sizeOf(`${realPath(path)}${suffix}`))
  // Refuse before SQLite deletes the log of an empty file.
  if (size === 0 && log !== 0)
    throw new StoreRefused(`${path} is damaged: it is empty, its log (-wal) is not; ${LEFT_AS_IS}`)
  // SQLite silently opens a file without write permission as read-only.
  if (existsSync(path)) accessSync(path, constants.W_OK)
  if (size === 0) return false
  if (log !== 0 && logIsDamaged(realPath(path))) {
    throw new StoreRefused(`${path} is damaged: its log (-wal) is broken before its end; ${LEFT_AS_IS}`)
  }
  const db = log === 0 && journal === 0 ? openImmutable(path) : openForReading(path)
  try {
    checkIntegrity(db, path)
    return true
  } catch (error) {
    if (RECOVERABLE.has(sqliteCode(error) ?? 0)) return false
    throw error
  } finally {
    db.close()
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Opens a file without a log as read-only, and creates no log. */
function openImmutable(path: string): DatabaseSync {
  const url = pathToFileURL(path)
  url.searchParams.set('immutable', '1')
  return new DatabaseSync(url, { readOnly: true })
}

/** Opens a file as read-only, also while the writer uses it. */
export const openForReading = (path: string): DatabaseSync =>
  new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS })

/**
 * Makes this process the only owner of a database file. The lock is held by the operating system, on a file beside the
 * database, so it ends with the process even after `kill -9`.
 * @returns releases the lock
 * @throws {StoreRefused} when the file is locked, or could be opened by another name
 */
export function lock(path: string): () => void {
  return refuseOnError(path, () => {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats?.isFile() === false) throw new StoreRefused(`${path} is not a file`)
    // The lock and SQLite's log are named after the file: each hard link would have its own.
    if ((stats?.nlink ?? 1) > 1) {
      throw new StoreRefused(`${path} has a second name (a hard link), which must be removed`)
    }
    refuseMountedFile(path)
    mkdirSync(dirname(path), { recursive: true })
    const lock = new DatabaseSync(`${realPath(path)}.lock`)
    try {
      lock.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      lock.close()
      if (sqliteCode(error) !== SQLITE_BUSY) throw error
      throw new StoreInUse(`${path} is in use by another process of this service`)
    }
    return () => lock.close()
  })
}

/**
 * Refuses a file that was renamed while a process has it open. The log keeps the old name, but every open connection holds
 * a lock on the file itself. Without a log under this name nobody has it open by this name, so a held lock belongs to a
 * connection under another name.
 */
function refuseOpenElsewhere(path: string): void {
  if (existsSync(`${realPath(path)}-wal`)) return
  const db = new DatabaseSync(path, { timeout: BUSY_MS })
  try {
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
/** The errors of a read-only connection that finds the rollback journal of an interrupted creation. */
const RECOVERABLE = new Set([SQLITE_READONLY, SQLITE_CANTOPEN])

/** The primary result code of an SQLite error; undefined for other errors. */
function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: number }).errcode
  return code === undefined ? undefined : code & 0xff
}

function refuseOnError<T>(path: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (error instanceof StoreRefused) throw error
    const code = sqliteCode(error)
    if (code === SQLITE_NOTADB || code === SQLITE_CORRUPT) {
      throw new StoreRefused(`${path} is damaged or not a SQLite database; ${LEFT_AS_IS}`)
    }
    throw new StoreRefused(`${path} cannot be opened: ${(error as Error).message}`)
  }
}

/**
 * Syncs what a killed process wrote to the log but did not sync. From now on clients see it and later transactions build on
 * it, so it must survive a power cut.
 */
function syncLog(path: string): void {
  const log = `${realPath(path)}-wal`
  if (existsSync(log)) sync(log)
}

/** SQLite syncs the content of a new file; the directory entries of the file and its folder must survive a power cut too. */
function syncFolders(path: string): void {
  sync(dirname(path))
  sync(dirname(dirname(path)))
}

/**
 * The first SQLite with `PRAGMA wal_checkpoint(NOOP)`, which reports the state of the log. An older one takes the unknown
 * word for PASSIVE and makes a checkpoint, which may be partial and unsynced: see checkpoints.ts.
 */
const MIN_SQLITE = [3, 51] as const
/** The Node that package.json requires. 24.13.1 was the first with this SQLite; 24.14.1 also fixes JSON.parse. */
const MIN_NODE = '24.14.1'

/** @throws {StoreRefused} when Node's SQLite could lose data */
export function checkSqliteVersion(found = process.versions.sqlite as string): void {
  const [major = 0, minor = 0] = found.split('.').map(Number)
  if (major > MIN_SQLITE[0] || (major === MIN_SQLITE[0] && minor >= MIN_SQLITE[1])) return
  throw new StoreRefused(`This Node has SQLite ${found}, which could lose data: use Node ${MIN_NODE} or later`)
}
