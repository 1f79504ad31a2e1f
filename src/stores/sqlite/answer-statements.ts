import type { DatabaseSync } from 'node:sqlite'
import { prepare } from './prepare.ts'

export interface AnswerRow {
  payload: Uint8Array
  submission: string
  status: 200 | 409
  kept: string
  first_added: number
  added: number
}

const COLUMNS = 'payload, submission, status, kept, first_added, added'
/** Whether an answer is the one of a slot, now. */
const IS_KEPT = 'slot = ? AND expires_at > ?'

/** Every statement on the answers kept for replay. */
export const answerStatements = (db: DatabaseSync) =>
  prepare(db, {
    bySeq: `SELECT ${COLUMNS} FROM answers WHERE seq = ? AND ${IS_KEPT}`,
    byPrefix: `SELECT ${COLUMNS} FROM answers_by_prefix CROSS JOIN answers USING (seq)
     WHERE answers_by_prefix.prefix = ? AND ${IS_KEPT}`,
    insert: `INSERT INTO answers (seq, prefix, slot, payload, submission, status, kept, first_added, added, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    // Answers are kept in the order in which they expire, so the oldest are at the front; no index is needed.
    sweep: 'DELETE FROM answers WHERE seq IN (SELECT seq FROM answers ORDER BY seq LIMIT ?) AND expires_at <= ?',
    // When all have been swept, SQLite would give numbers again, which the index takes for those it holds.
    nextSeq: 'SELECT max((SELECT ifnull(max(seq), 0) FROM answers), answers) + 1 AS seq FROM indexed',
    rowsAfter: "SELECT seq, prefix AS hash, '' AS text FROM answers WHERE seq > ? ORDER BY seq",
    indexPrefix: 'INSERT OR IGNORE INTO answers_by_prefix VALUES (?, ?)',
  })
