import { writeSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { reasonOf } from '../../../kit/reason.ts'
import { BUSY_MS, sync } from './file.ts'

/** From so many pages on, 4 MiB, the log is brought into the database file. */
const WORTH_IT = 1_024
/** Reads of the service are shorter; whoever reads for longer is not waited for. */
const READERS_MS = 100

/** What the disk is asked for, and what is done when it refuses. */
export interface Part {
  sync(path: string): void
  die(error: unknown): void
}

/** What SQLite tells of the log, in pages; `busy` is 1 where a checkpoint has left some of it for readers. */
interface LogState {
  busy: number
  log: number
  checkpointed: number
}

/**
 * Brings the log into the database file, between batches: within a commit, those who wait for it would wait for this as
 * well. It waits for readers rather than leave a part. A backup reads for longer than that: until it is done the log
 * grows. Then it is tried again only when that is worth it once more, and waited for no second time while nothing has
 * moved: all who submit would wait as well.
 *
 * SQLite does not sync what it has done in part, and does not do it again when a later sync fails. So the part is synced
 * here. If the disk refuses, nothing but the log has what it holds, and only a start brings all of the log into the file:
 * the process ends at once, as a kill would end it.
 */
export function checkpoints(db: DatabaseSync, part: Part = { sync, die }): () => void {
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(FULL)')
  const path = db.location() as string
  /** How far the log, and what is in the file of it, had come when readers were last waited for in vain. */
  let inVain: Omit<LogState, 'busy'> | null = null

  const run = (readersMs: number): LogState => {
    try {
      db.exec(`PRAGMA busy_timeout = ${readersMs}`)
      const state = checkpoint.get() as unknown as LogState
      if (state.busy === 1) leavePart()
      return state
    } finally {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    }
  }
  const leavePart = (): void => {
    try {
      part.sync(path)
    } catch (error) {
      part.die(error)
    }
  }
  /** Whether whoever was waited for in vain reads still: nothing more can be brought into the file then. */
  const isStillHeld = (past: number): boolean => run(0).checkpointed === past

  return () => {
    const { log, checkpointed } = look.get() as unknown as LogState
    if (inVain !== null && log < inVain.log) inVain = null
    if (log - Math.max(checkpointed, inVain?.log ?? 0) < WORTH_IT) return
    try {
      if (inVain !== null && isStillHeld(inVain.checkpointed)) inVain.log = log
      else {
        const state = run(READERS_MS)
        inVain = state.busy === 1 ? { log, checkpointed: state.checkpointed } : null
      }
    } catch {
      // It can wait: who cannot is told what is wrong with the disk.
    }
  }
}

function die(error: unknown): void {
  writeSync(process.stderr.fd, `The disk has lost what was written to it: ${reasonOf(error)}\n`)
  process.kill(process.pid, 'SIGKILL')
}
