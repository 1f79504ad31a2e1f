import type { DatabaseSync } from 'node:sqlite'
import { prepare } from './prepare.ts'

export interface IntentRow {
  id: string
  slot: Uint8Array
  payload: Uint8Array
  submission: string
  state: 'pending' | 'completed' | 'rolling-back'
  /** As JSON, without sequence numbers. */
  events: string
  kept: string
  first_added: number
  reason: string
  attempts: number
  decided_at: number
  next_attempt_at: number
}

/** Every statement on the intents of sagas. */
export const intentStatements = (db: DatabaseSync) =>
  prepare(db, {
    get: 'SELECT * FROM intents WHERE id = ?',
    running: `SELECT payload, state FROM intents WHERE slot = ? AND state <> 'completed'`,
    insert: `INSERT INTO intents (id, slot, payload, submission, state, events, kept, decided_at, next_attempt_at)
     VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?)`,
    complete: `UPDATE intents SET state = 'completed', first_added = ?, decided_at = ?, next_attempt_at = ? WHERE id = ?`,
    abandon: `UPDATE intents SET state = 'rolling-back', reason = ?, decided_at = ?, next_attempt_at = ? WHERE id = ?`,
    remove: 'DELETE FROM intents WHERE id = ?',
    adopt: `UPDATE intents SET state = 'rolling-back', reason = ?, decided_at = ? WHERE state = 'pending'`,
    hasten: 'UPDATE intents SET next_attempt_at = ?',
    cleanups: `SELECT * FROM intents WHERE state = 'rolling-back' ORDER BY decided_at, id LIMIT ?`,
    due: `SELECT * FROM intents WHERE state <> 'pending' AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ?`,
    oldest: `SELECT min(decided_at) AS at FROM intents WHERE state = 'completed'`,
    postpone: `UPDATE intents SET attempts = attempts + 1, reason = ?, next_attempt_at = ? WHERE id = ? AND state <> 'pending'`,
    retry: `UPDATE intents SET next_attempt_at = ? WHERE id = ? AND state = 'rolling-back'`,
  })
