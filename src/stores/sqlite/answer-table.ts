import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { KeyRecord, StoredAnswer, Submission } from '../ports.ts'
import { LateIndex } from './durability/late-index.ts'

interface AnswerRow {
  payload: Uint8Array
  submission: string
  status: 200 | 409
  location: string | null
  body: string
}

/** Whether an answer is the one of a key and a caller, now. */
const IS_KEPT = 'key = ? AND caller = ? AND expires_at > ?'

/** The answers kept for replay, by caller and key. */
export function answerTable(db: DatabaseSync, ttlMs: number) {
  const index = answerIndex(db)
  const bySeq = db.prepare(
    `SELECT payload, submission, status, location, body FROM answers WHERE seq = ? AND ${IS_KEPT}`,
  )
  const byIndex = db.prepare(
    `SELECT payload, submission, status, location, body FROM answers_by_hash CROSS JOIN answers USING (seq)
     WHERE answers_by_hash.hash = ? AND ${IS_KEPT}`,
  )
  const insert = db.prepare(
    `INSERT INTO answers (seq, hash, caller, key, payload, submission, status, location, body, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  // Answers are kept in the order in which they expire, so the oldest are at the front; no index is needed.
  const sweep = db.prepare(
    'DELETE FROM answers WHERE seq IN (SELECT seq FROM answers ORDER BY seq LIMIT ?) AND expires_at <= ?',
  )
  // When all have been swept, SQLite would give numbers again, which the index takes for those it holds.
  const nextSeq = db.prepare(
    'SELECT max((SELECT ifnull(max(seq), 0) FROM answers), (SELECT answers FROM indexed)) + 1 AS seq',
  )
  let next: number | null = null
  return {
    index,
    /** Forgets what a transaction has numbered that was rolled back. */
    reload(): void {
      next = null
    },
    find(now: number, { hash, caller, key }: Slot): KeyRecord | null {
      let row: unknown
      for (const seq of index.seqsOf(hash)) row ??= bySeq.get(seq, key, caller, now)
      row ??= byIndex.get(hash, key, caller, now)
      if (row === undefined) return null
      const { payload, submission, status, location, body } = row as AnswerRow
      return {
        submissionId: submission,
        payload: Buffer.from(payload).toString('hex'),
        answer: { status, location, body },
      }
    },
    keep(
      now: number,
      { hash, caller, key }: Slot,
      submission: Pick<Submission, 'id' | 'payload'>,
      answer: StoredAnswer,
    ) {
      const { status, location, body } = answer
      const [payload, id] = [Buffer.from(submission.payload, 'hex'), submission.id]
      next ??= nextSeq.get()?.seq as number
      const seq = next++
      insert.run(seq, hash, caller, key, payload, id, status, location, body, now + ttlMs)
      index.add(seq, hash, '')
    },
    sweep: (now: number, limit: number): number => Number(sweep.run(limit, now).changes),
  }
}

function answerIndex(db: DatabaseSync): LateIndex {
  const add = db.prepare('INSERT OR IGNORE INTO answers_by_hash VALUES (?, ?)')
  return new LateIndex(db, {
    column: 'answers',
    rowsAfter: db.prepare("SELECT seq, hash, '' AS text FROM answers WHERE seq > ? ORDER BY seq"),
    targets: [{ order: (kept) => kept.byHash(), write: (kept, entry) => add.run(kept.hash(entry), kept.seq(entry)) }],
  })
}

/** What an answer is kept under. */
export interface Slot {
  /** The first 48 bits of a hash over caller and key. */
  hash: number
  caller: string
  key: string
}

export function slotOf(caller: string, key: string): Slot {
  return { hash: Number.parseInt(hash('sha256', `${caller}\0${key}`, 'hex').slice(0, 12), 16), caller, key }
}
