import type { DatabaseSync } from 'node:sqlite'
import { BUSY_MS } from './file.ts'

/** From so many pages on, 4 MiB, the log is brought into the database file. */
const WORTH_IT = 1_024
/** Reads of the service are shorter; whoever reads for longer is not waited for. */
const READERS_MS = 100

interface LogState {
  log: number
  checkpointed: number
}

/**
 * Brings the log into the database file, between batches: within a commit, those who wait for it would wait for this as
 * well. It waits for readers rather than leave a part. SQLite does not sync what it did in part, and would not do it
 * again when the sync of the rest fails. A backup reads for longer than that: until it is done the log grows, and is
 * tried again only when that is worth it once more, since all who submit wait as well.
 */
export function checkpoints(db: DatabaseSync): () => void {
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(FULL)')
  let inVain = 0
  return () => {
    const { log, checkpointed } = look.get() as unknown as LogState
    if (log < inVain) inVain = 0
    if (log - Math.max(checkpointed, inVain) < WORTH_IT) return
    try {
      db.exec(`PRAGMA busy_timeout = ${READERS_MS}`)
      inVain = checkpoint.get()?.busy === 1 ? log : 0
    } catch {
      // It can wait: who cannot is told what is wrong with the disk.
    } finally {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    }
  }
}
