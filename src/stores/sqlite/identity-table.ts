import type { DatabaseSync } from 'node:sqlite'
import type { BoundQueue } from '../ports.ts'
import { EmptyTableCache } from './empty-table-cache.ts'
import { prepare } from './prepare.ts'

/** Who this file is, and which queue its events went to. */
export function identityTable(db: DatabaseSync) {
  const sql = prepare(db, {
    get: 'SELECT store_id, queue_id, queue_location FROM identity',
    bind: 'UPDATE identity SET queue_id = ?, queue_location = ?',
    open: 'SELECT EXISTS (SELECT 1 FROM intents) AS open',
  })
  return {
    storeId: (): string => sql.get.get()?.store_id as string,
    boundQueue(): BoundQueue | null {
      const row = sql.get.get()
      if (row?.queue_id == null) return null
      return { id: row.queue_id as string, location: row.queue_location as string }
    },
    bindQueue(_now: number, id: string, location: string): void {
      sql.bind.run(id, location)
    },
    hasOpenAttempts: (): boolean => sql.open.get()?.open === 1,
  }
}

export type GivenUpTable = ReturnType<typeof givenUpTable>

/** Submissions and attempts that can no longer be accepted. */
export function givenUpTable(db: DatabaseSync) {
  const occupied = new EmptyTableCache(db, 'given_up')
  const sql = prepare(db, {
    has: 'SELECT 1 FROM given_up WHERE id = ?',
    add: 'INSERT OR IGNORE INTO given_up VALUES (?, ?)',
    take: 'DELETE FROM given_up WHERE id = ?',
    sweep: 'DELETE FROM given_up WHERE id IN (SELECT id FROM given_up WHERE at < ? ORDER BY at LIMIT ?)',
  })
  return {
    reload: () => occupied.changed(),
    has: (id: string): boolean => occupied.any && sql.has.get(id) !== undefined,
    add(now: number, id: string): void {
      sql.add.run(id, now)
      occupied.changed()
    },
    /** Adds what no submission is called and takes it back: it shows whether the file can be written. */
    tryOut(now: number): void {
      sql.add.run('', now)
      sql.take.run('')
    },
    sweep(olderThan: number, limit: number): void {
      sql.sweep.run(olderThan, limit)
      occupied.changed()
    },
  }
}
