import type { DatabaseSync } from 'node:sqlite'
import type { BoundQueue } from '../durable.ts'
import { EmptyTableCache } from './empty-table-cache.ts'

/** Who this file is, and which queue its events went to. */
export function identityTable(db: DatabaseSync) {
  const get = db.prepare('SELECT store_id, queue_id, queue_location FROM identity')
  const bind = db.prepare('UPDATE identity SET queue_id = ?, queue_location = ?')
  const open = db.prepare('SELECT EXISTS (SELECT 1 FROM intents) AS open')
  return {
    storeId: (): string => get.get()?.store_id as string,
    boundQueue(): BoundQueue | null {
      const row = get.get()
      if (row?.queue_id == null) return null
      return { id: row.queue_id as string, location: row.queue_location as string }
    },
    bindQueue(_now: number, id: string, location: string): void {
      bind.run(id, location)
    },
    hasOpenAttempts: (): boolean => open.get()?.open === 1,
  }
}

/** Submissions and attempts that can no longer be accepted. */
export function givenUpTable(db: DatabaseSync) {
  const occupied = new EmptyTableCache(db, 'given_up')
  const has = db.prepare('SELECT 1 FROM given_up WHERE id = ?')
  const add = db.prepare('INSERT OR IGNORE INTO given_up VALUES (?, ?)')
  const take = db.prepare('DELETE FROM given_up WHERE id = ?')
  const sweep = db.prepare(
    'DELETE FROM given_up WHERE id IN (SELECT id FROM given_up WHERE at < ? ORDER BY at LIMIT ?)',
  )
  return {
    reload: () => occupied.changed(),
    has: (id: string): boolean => occupied.any && has.get(id) !== undefined,
    add(now: number, id: string): void {
      add.run(id, now)
      occupied.changed()
    },
    /** Adds what no submission is called and takes it back: it shows whether the file can be written. */
    tryOut(now: number): void {
      add.run('', now)
      take.run('')
    },
    sweep(olderThan: number, limit: number): void {
      sweep.run(olderThan, limit)
      occupied.changed()
    },
  }
}
