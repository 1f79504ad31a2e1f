import type { DatabaseSync } from 'node:sqlite'

/** From so many pages on, 4 MiB, the log is brought into the database file. */
const WORTH_IT = 1_024

interface LogState {
  log: number
  checkpointed: number
}

/**
 * Brings the log into the database file, between batches: within a commit, those who wait for it would wait for this as
 * well. It waits for readers rather than leave a part. SQLite does not sync what it did in part, and would not do it
 * again when the sync of the rest fails.
 */
export function checkpoints(db: DatabaseSync): () => void {
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)')
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(FULL)')
  return () => {
    const { log, checkpointed } = look.get() as unknown as LogState
    if (log - checkpointed < WORTH_IT) return
    try {
      checkpoint.get()
    } catch {
      // It can wait: who cannot is told what is wrong with the disk.
    }
  }
}
