import { writeSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { reasonOf } from '../../../kit/reason.ts'
import { BUSY_MS, sync } from './file.ts'

/** The size of the log, in pages, from which a checkpoint is made: 4 MiB. */
const LOG_PAGES = 2_048
/** How long a checkpoint waits for readers, in milliseconds. The service's own reads are shorter. */
const READERS_MS = 100

/** What is done after a partial checkpoint; tests replace it. */
export interface DiskActions {
  sync(path: string): void
  die(error: unknown): void
}

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
export function checkpoints(db: DatabaseSync, disk: DiskActions = { sync, die }): () => void {
  const readState = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(FULL)')
  const path = db.location() as string
  /** The state of the log when a wait for readers last timed out. */
  let timedOut: Omit<LogState, 'busy'> | null = null

  const run = (readersMs: number): LogState => {
    try {
      db.exec(`PRAGMA busy_timeout = ${readersMs}`)
      const state = checkpoint.get() as unknown as LogState
      if (state.busy === 1) syncPart()
      return state
    } finally {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    }
  }
  const syncPart = (): void => {
    try {
      disk.sync(path)
    } catch (error) {
      disk.die(error)
    }
  }

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

function die(error: unknown): void {
  writeSync(process.stderr.fd, `The database file could not be synced, so the process ends: ${reasonOf(error)}\n`)
  process.kill(process.pid, 'SIGKILL')
}
