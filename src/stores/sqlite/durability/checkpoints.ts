import { writeSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { reasonOf } from '../../../kit/reason.ts'
import { syncDatabase } from './disk.ts'
import { BUSY_MS } from './file.ts'

/** The size of the log, in pages, from which a checkpoint is made: 4 MiB. */
const LOG_PAGES = 2_048
/** How long a checkpoint waits for readers, in milliseconds. The service's own reads are shorter, but for filtered pages. */
const READERS_MS = 100

/** What is done after a partial checkpoint; tests replace it. */
export interface DiskActions {
  sync(path: string): void
  die(error: unknown): void
}

const REAL_DISK: DiskActions = { sync: syncDatabase, die }

/** The state of the log as SQLite reports it, in pages; `busy` is 1 when a checkpoint was partial because of readers. */
interface LogState {
  busy: number
  log: number
  checkpointed: number
}

/**
 * Returns a function that makes a checkpoint if one is due: it moves the write-ahead log into the database file. Call it
 * between batches: within a commit, every caller of the batch would wait for it.
 *
 * A reader can make a checkpoint partial, so it waits `READERS_MS` for readers to finish. A backup reads for longer, and
 * until it is done the log grows. Meanwhile the checkpoint is retried after every further `LOG_PAGES`, but without waiting
 * again for a reader that still blocks it at the same page, because all submissions would wait too.
 *
 * SQLite does not sync the pages of a partial checkpoint, and does not write them again when a later sync fails. So they
 * are synced here. If that fails, those pages are safe only in the log, and only a restart copies the whole log into the
 * file again. So the process kills itself.
 */
export function checkpoints(db: DatabaseSync, disk: DiskActions = REAL_DISK): () => void {
  const readState = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(FULL)')
  /** The state of the log when a wait for readers last timed out. */
  let timedOut: Omit<LogState, 'busy'> | null = null
  const run = (readersMs: number): LogState => runCheckpoint(db, checkpoint, readersMs, disk)

  return () => {
    const { log, checkpointed } = readState.get() as unknown as LogState
    if (timedOut !== null && log < timedOut.log) timedOut = null
    if (log - Math.max(checkpointed, timedOut?.log ?? 0) < LOG_PAGES) return
    try {
      // No progress since the time-out: the same reader still blocks the checkpoint, so do not wait for it again.
      if (timedOut !== null && run(0).checkpointed === timedOut.checkpointed) timedOut.log = log
      else {
        const state = run(READERS_MS)
        timedOut = state.busy === 1 ? { log, checkpointed: state.checkpointed } : null
      }
    } catch {
      // Retried after the next batch. If the disk is broken, the next submission reports it.
    }
  }
}

/** Runs a checkpoint statement, and syncs the file itself after a partial checkpoint. */
function runCheckpoint(db: DatabaseSync, statement: StatementSync, readersMs: number, disk: DiskActions): LogState {
  try {
    db.exec(`PRAGMA busy_timeout = ${readersMs}`)
    const state = statement.get() as unknown as LogState
    if (state.busy === 1) syncFile(db.location() as string, disk)
    return state
  } finally {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
  }
}

function syncFile(path: string, disk: DiskActions): void {
  try {
    disk.sync(path)
  } catch (error) {
    disk.die(error)
  }
}

/** How often it is tried to empty the log while a backup reads it, in milliseconds. */
const EMPTY_LOG_MS = 1_000

/**
 * Returns a function that empties the write-ahead log if something was erased, because the log still holds it. Call it
 * after each batch: while a backup or a long page reads, the log cannot be emptied. The first call does it too, for an
 * erasure after which the process was killed.
 */
export function logEraser(db: DatabaseSync, disk: DiskActions = REAL_DISK): (hasErased: boolean) => void {
  const truncate = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)')
  let isDue = true
  let notBefore = 0
  return (hasErased) => {
    isDue ||= hasErased
    if (!isDue || (!hasErased && performance.now() < notBefore)) return
    try {
      isDue = runCheckpoint(db, truncate, READERS_MS, disk).busy === 1
    } catch {
      // Retried. If the disk is broken, the next submission reports it.
    }
    notBefore = performance.now() + EMPTY_LOG_MS
  }
}

function die(error: unknown): void {
  writeSync(process.stderr.fd, `The database file could not be synced, so the process ends: ${reasonOf(error)}\n`)
  process.kill(process.pid, 'SIGKILL')
}
