import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { KeyRecord, StoredAnswer, Submission } from '../ports.ts'

interface AnswerRow {
  payload: Uint8Array
  submission: string
  status: 200 | 409
  location: string | null
  body: string
}

/** The answers kept for replay, by caller and key. */
export function answerTable(db: DatabaseSync, ttlMs: number) {
  const find = db.prepare(
    `SELECT payload, submission, status, location, body FROM answers
     WHERE hash = ? AND key = ? AND caller = ? AND expires_at > ?`,
  )
  const insert = db.prepare(
    `INSERT INTO answers (hash, caller, key, payload, submission, status, location, body, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  // Answers are kept in the order in which they expire, so the oldest are at the front; no index is needed.
  const sweep = db.prepare(
    'DELETE FROM answers WHERE seq IN (SELECT seq FROM answers ORDER BY seq LIMIT ?) AND expires_at <= ?',
  )
  return {
    find(now: number, caller: string, key: string): KeyRecord | null {
      const row = find.get(keyHash(caller, key), key, caller, now) as AnswerRow | undefined
      if (row === undefined) return null
      const { payload, submission, status, location, body } = row
      return {
        submissionId: submission,
        payload: Buffer.from(payload).toString('hex'),
        answer: { status, location, body },
      }
    },
    keep(now: number, submission: Pick<Submission, 'id' | 'caller' | 'key' | 'payload'>, answer: StoredAnswer): void {
      const { id, caller, key } = submission
      const { status, location, body } = answer
      const payload = Buffer.from(submission.payload, 'hex')
      insert.run(keyHash(caller, key), caller, key, payload, id, status, location, body, now + ttlMs)
    },
    sweep: (now: number, limit: number): number => Number(sweep.run(limit, now).changes),
  }
}

/** The first 48 bits of a hash over caller and key. */
export function keyHash(caller: string, key: string): number {
  return Number.parseInt(hash('sha256', `${caller}\0${key}`, 'hex').slice(0, 12), 16)
}
