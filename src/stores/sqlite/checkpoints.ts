import { writeSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { reasonOf } from '../../errors/reason.ts'
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

interface LogState {
  log: number
  checkpointed: number
}

/**
 * Brings the log into the database file, between batches: within a commit, those who wait for it would wait for this as
 * well. It waits for readers rather than leave a part. A backup reads for longer than that: until it is done the log
 * grows, and is tried again only when that is worth it once more, since all who submit wait as well.
 *
 * SQLite does not sync what it has done in part, and does not do it again when a later sync fails. So the part is synced
 * here. If the disk refuses, nothing but the log has what it holds, and only a start brings all of the log into the file:
 * the process ends at once, as a kill would end it.
 */
export function checkpoints(db: DatabaseSync, part: Part = { sync, die }): () => void {
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(FULL)')
  const path = db.location() as string
  let inVain = 0

  const leavePart = (): void => {
    try {
      part.sync(path)
    } catch (error) {
      part.die(error)
    }
  }
  return () => {
    const { log, checkpointed } = look.get() as unknown as LogState
    if (log < inVain) inVain = 0
    if (log - Math.max(checkpointed, inVain) < WORTH_IT) return
    try {
      db.exec(`PRAGMA busy_timeout = ${READERS_MS}`)
      const isPart = checkpoint.get()?.busy === 1
      inVain = isPart ? log : 0
      if (isPart) leavePart()
    } catch {
      // It can wait: who cannot is told what is wrong with the disk.
    } finally {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    }
  }
}

function die(error: unknown): void {
  writeSync(process.stderr.fd, `The disk has lost what was written to it: ${reasonOf(error)}\n`)
  process.kill(process.pid, 'SIGKILL')
}
