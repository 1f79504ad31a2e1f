import type { DatabaseSync } from 'node:sqlite'
import { prepare } from './prepare.ts'

export interface FormulaRow {
  seq: number
  fingerprint: Uint8Array
  document: string
}

const COLUMNS = 'formulas.seq, fingerprint, document'

/** Every statement that reads formulas. */
export const formulaReads = (db: DatabaseSync) =>
  prepare(db, {
    bySeq: `SELECT ${COLUMNS} FROM formulas WHERE seq = ?`,
    bySeqOf: `SELECT ${COLUMNS} FROM formulas WHERE seq = ? AND fingerprint = ?`,
    byPrefix: `SELECT ${COLUMNS} FROM formulas_by_prefix CROSS JOIN formulas USING (seq)
     WHERE formulas_by_prefix.prefix = ? AND fingerprint = ?`,
    page: `SELECT ${COLUMNS} FROM formulas WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
    newest: 'SELECT seq FROM formulas ORDER BY seq DESC LIMIT 1',
    rowsAfter: 'SELECT seq, prefix AS hash, search AS text FROM formulas WHERE seq > ? ORDER BY seq',
  })

/** Every statement of a search by what the search key begins with. */
export const searchStatements = (db: DatabaseSync) =>
  prepare(db, {
    count: 'SELECT count(*) AS found FROM (SELECT 1 FROM formulas_by_search WHERE search >= ? AND search < ? LIMIT ?)',
    indexed: `SELECT ${COLUMNS} FROM (SELECT seq AS found FROM formulas_by_search
       WHERE search >= ? AND search < ? AND seq <= ? AND seq < ? ORDER BY found DESC LIMIT ?)
     CROSS JOIN formulas ON formulas.seq = found ORDER BY formulas.seq DESC`,
    between: `SELECT ${COLUMNS} FROM formulas WHERE search >= ? AND search < ? AND seq > ? AND seq < ? ORDER BY seq DESC`,
    last: 'SELECT ifnull(max(seq), 0) AS seq FROM formulas',
  })

/** Every statement that writes formulas. */
export const formulaWrites = (db: DatabaseSync) =>
  prepare(db, {
    nextSeq: 'SELECT max((SELECT ifnull(max(seq), 0) FROM formulas), formula) + 1 AS seq FROM numbers',
    insert: 'INSERT INTO formulas (seq, prefix, fingerprint, search, document) VALUES (?, ?, ?, ?, ?)',
    remove: 'DELETE FROM formulas WHERE seq = ? AND fingerprint = ? RETURNING prefix, search',
    removePrefix: 'DELETE FROM formulas_by_prefix WHERE prefix = ? AND seq = ?',
    removeSearch: 'DELETE FROM formulas_by_search WHERE search = ? AND seq = ?',
    keepNumber: 'UPDATE numbers SET formula = max(formula, ?)',
    indexPrefix: 'INSERT OR IGNORE INTO formulas_by_prefix VALUES (?, ?)',
    indexSearch: 'INSERT OR IGNORE INTO formulas_by_search VALUES (?, ?)',
  })

/** Every statement on the formulas of sagas that are not finished. */
export const pendingStatements = (db: DatabaseSync) =>
  prepare(db, {
    holder:
      'SELECT state FROM pending JOIN intents ON intents.id = pending.intent WHERE prefix = ? AND fingerprint = ?',
    insert: 'INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?)',
    show: `INSERT INTO formulas (seq, prefix, fingerprint, search, document)
     SELECT ? + ordinal, prefix, fingerprint, search, document FROM pending WHERE intent = ? ORDER BY ordinal`,
    remove: 'DELETE FROM pending WHERE intent = ?',
  })
