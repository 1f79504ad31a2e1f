import type { DatabaseSync } from 'node:sqlite'
import { prepare } from '../prepare.ts'

/** An event as a row has it; a blank one has no fingerprint. */
export interface EventRow {
  position: number
  fingerprint: Uint8Array | null
  formula: number | null
  at: number
  body: string | null
}

/** Every statement on the event log. Each reaches its rows by a key or an index, but `firstAt`, which is rare. */
export const eventStatements = (db: DatabaseSync) =>
  prepare(db, {
    head: 'SELECT max((SELECT ifnull(max(position), 0) FROM events), position) AS position FROM numbers',
    keepHead: 'UPDATE numbers SET position = ?',
    add: 'INSERT INTO events VALUES (?, ?, ?, ?, ?)',
    after: 'SELECT * FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?',
    firstAfter: 'SELECT * FROM events WHERE position > ? AND fingerprint IS NOT NULL ORDER BY position LIMIT 1',
    blanksAfter: 'SELECT count(*) AS n FROM events WHERE fingerprint IS NULL AND position > ?',
    first: 'SELECT min(position) AS position FROM events',
    firstAt: 'SELECT position FROM events WHERE at >= ? ORDER BY position LIMIT 1',
    erase: `UPDATE events SET fingerprint = NULL, formula = NULL, body = NULL WHERE formula = ? AND fingerprint = ?
     RETURNING position`,
    front: `SELECT position, at, EXISTS (SELECT 1 FROM deliveries
       WHERE deliveries.position = events.position AND deliveries.fingerprint IS NULL) AS wanted
     FROM events WHERE position <= ? ORDER BY position LIMIT ?`,
    removeFront: 'DELETE FROM events WHERE position <= ?',
  })

/** Every statement on the events of sagas that are not released. */
export const heldStatements = (db: DatabaseSync) =>
  prepare(db, {
    add: 'INSERT INTO held VALUES (?, ?, ?, ?, ?)',
    remove: 'DELETE FROM held WHERE attempt = ?',
    mark: 'SELECT state FROM marks WHERE attempt = ?',
    setMark: 'INSERT OR REPLACE INTO marks VALUES (?, ?, ?)',
    sweepMarks: `DELETE FROM marks WHERE attempt IN
     (SELECT attempt FROM marks WHERE state <> 'held' AND at < ? ORDER BY at LIMIT ?)`,
  })
