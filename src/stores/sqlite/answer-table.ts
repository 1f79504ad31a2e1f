import type { DatabaseSync } from 'node:sqlite'
import { readKept, referredTo } from '../kept-answer.ts'
import type { Answer, KeyRecord, StoredFormula, SubmissionStatus } from '../ports.ts'
import { prepare } from './statements.ts'
import { LateIndex, prefixOf } from './upkeep/late-index.ts'
import type { Chore } from './upkeep/upkeep.ts'

/** What is stored of an answer: see kept-answer.ts. */
export interface KeptAnswer {
  submissionId: string
  payload: string
  status: Answer['status']
  kept: string
  /** The sequence number of the first formula that the submission added; 0 when it added none. */
  firstAdded: number
  added: number
  /** In milliseconds since the epoch. */
  submittedAt: number
}

interface AnswerRow extends Omit<KeptAnswer, 'submissionId' | 'payload'> {
  /** A UUID. */
  submissionId: Uint8Array
  payload: Uint8Array
}

const toUuid = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

const COLUMNS =
  'payload, submission AS submissionId, status, kept, first_added AS firstAdded, added, submitted_at AS submittedAt'
const IS_LIVE = 'slot = ? AND expires_at > ?'
/** Answers read per sweep, beside those at the front: few enough to delay no batch by more than some milliseconds. */
const SWEEP_SLICE = 4_096

const answerStatements = (db: DatabaseSync) =>
  prepare(db, {
    bySeq: `SELECT ${COLUMNS} FROM answers WHERE seq = ? AND ${IS_LIVE}`,
    byPrefix: `SELECT ${COLUMNS} FROM answers_by_prefix CROSS JOIN answers USING (seq)
     WHERE answers_by_prefix.prefix = ? AND ${IS_LIVE} ORDER BY answers_by_prefix.seq DESC`,
    insert: `INSERT INTO answers (seq, slot, payload, submission, status, kept, first_added, added, submitted_at,
       expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    idOf: `SELECT lower(hex(fingerprint)) AS id FROM formulas WHERE seq = ?1
     UNION ALL SELECT lower(hex(fingerprint)) FROM erased WHERE seq = ?1`,
    sweepFront: `DELETE FROM answers WHERE seq IN (
       SELECT seq FROM (SELECT seq, max(expires_at) OVER (ORDER BY seq) AS latest
         FROM (SELECT seq, expires_at FROM answers ORDER BY seq LIMIT ?)) WHERE latest <= ?)`,
    slice: `SELECT max(seq) AS end, count(*) AS length FROM (SELECT seq FROM answers
       WHERE seq > ? AND seq <= (SELECT answers FROM indexed) ORDER BY seq LIMIT ${SWEEP_SLICE})`,
    expired: 'SELECT seq, slot FROM answers WHERE seq > ? AND seq <= ? AND expires_at <= ? LIMIT ?',
    remove: 'DELETE FROM answers WHERE seq = ?',
    removePrefix: 'DELETE FROM answers_by_prefix WHERE prefix = ? AND seq = ?',
    // Not max(seq) alone: once all answers are swept it would restart, below the rows that the index counts as indexed.
    nextSeq: 'SELECT max((SELECT ifnull(max(seq), 0) FROM answers), answers) + 1 AS seq FROM indexed',
    rowsAfter: "SELECT seq, slot AS hash, '' AS text FROM answers WHERE seq > ? ORDER BY seq",
    indexPrefix: 'INSERT OR IGNORE INTO answers_by_prefix VALUES (?, ?)',
  })

const seqsOf = ({ firstAdded, added }: Pick<KeptAnswer, 'firstAdded' | 'added'>): number[] =>
  Array.from({ length: added }, (_, n) => firstAdded + n)

/** The answers kept for replay, by slot: see kept-answer.ts. */
export function answerTable(db: DatabaseSync, ttlMs: number, formula: (seq: number) => StoredFormula | null) {
  const sql = answerStatements(db)
  const { rowsAfter, indexPrefix } = sql
  const index = new LateIndex(db, { table: 'answers', rowsAfter, targets: [{ by: 'hash', insert: indexPrefix }] })
  let next: number | null = null

  const read = (answer: Pick<KeptAnswer, 'status' | 'kept' | 'firstAdded' | 'added'>): Answer =>
    readKept(answer, seqsOf(answer), formula)

  function live(now: number, slot: string): AnswerRow | null {
    const bytes = Buffer.from(slot, 'hex')
    const prefix = prefixOf(bytes)
    let row: unknown
    // The newest wins: when the clock steps back, an older answer that had expired under the same key is live again.
    for (const seq of index.seqsOf(prefix)) row = sql.bySeq.get(seq, bytes, now) ?? row
    row ??= sql.byPrefix.get(prefix, bytes, now)
    return (row ?? null) as AnswerRow | null
  }

  return {
    index,
    read,
    /** Drops cached state after a rollback. */
    reload(): void {
      next = null
      index.forget()
    },
    find(now: number, slot: string): KeyRecord | null {
      const row = live(now, slot)
      if (row === null) return null
      const { submissionId, payload } = row
      return { submissionId: toUuid(submissionId), payload: Buffer.from(payload).toString('hex'), answer: read(row) }
    },
    status(now: number, slot: string): SubmissionStatus | null {
      const row = live(now, slot)
      if (row === null) return null
      const { status, submittedAt, kept } = row
      if (status === 409) return { submittedAt, status }
      const formulaIds = referredTo(kept, seqsOf(row)).map((seq) => sql.idOf.get(seq)?.id as string)
      return { submittedAt, status: 200, formulaIds }
    },
    keep(now: number, slot: string, answer: KeptAnswer): void {
      const { submissionId, payload, status, kept, firstAdded, added, submittedAt } = answer
      const [bytes, hash] = [Buffer.from(slot, 'hex'), Buffer.from(payload, 'hex')]
      const id = Buffer.from(submissionId.replaceAll('-', ''), 'hex')
      next ??= sql.nextSeq.get()?.seq as number
      const seq = next++
      sql.insert.run(seq, bytes, hash, id, status, kept, firstAdded, added, submittedAt, now + ttlMs)
      index.add(seq, bytes, '')
    },
    sweep: answerSweep(sql),
  }
}

/**
 * Returns a function that deletes up to `limit` expired answers and returns how many. Answers usually expire in order of
 * seq, so an index by time is not worth its writes. They do not after the TTL was lowered or the clock stepped back: then
 * older answers outlive newer ones. So each sweep reads the front and one further slice, and slices go round all answers.
 * Index entries of the front are left to `staleAnswers`. Behind the front each is deleted with its answer, so answers that
 * are not indexed yet must wait.
 */
function answerSweep(sql: ReturnType<typeof answerStatements>): (now: number, limit: number) => number {
  let from = 0
  function sweepSlice(now: number, limit: number): number {
    const { end, length } = sql.slice.get(from) as { end: number | null; length: number }
    const expired = sql.expired.all(from, end, now, limit) as { seq: number; slot: Uint8Array }[]
    for (const { seq, slot } of expired) {
      sql.removePrefix.run(prefixOf(Buffer.from(slot)), seq)
      sql.remove.run(seq)
    }
    if (expired.length < limit) from = length < SWEEP_SLICE ? 0 : (end as number)
    return expired.length
  }
  return (now, limit) => {
    const swept = Number(sql.sweepFront.run(limit, now).changes)
    return swept === limit ? swept : swept + sweepSlice(now, limit - swept)
  }
}

/** Index entries read per transaction. */
const SLICE = 2_048

/**
 * Deletes the index entries of swept answers in one pass over the index, once they outnumber live ones. Deleting each as
 * its answer expires would write one page per entry.
 */
export function staleAnswers(db: DatabaseSync): Chore {
  const sql = prepare(db, {
    ends: `SELECT (SELECT min(seq) FROM answers) AS first, (SELECT max(seq) FROM answers) AS last,
       answers_gone AS gone FROM indexed`,
    setGone: 'UPDATE indexed SET answers_gone = ?',
    sliceEnd: `SELECT prefix FROM answers_by_prefix WHERE prefix > ? ORDER BY prefix LIMIT 1 OFFSET ${SLICE}`,
    remove: 'DELETE FROM answers_by_prefix WHERE prefix > ? AND prefix <= ? AND seq < ?',
  })
  const ends = () => sql.ends.get() as Record<'first' | 'last' | 'gone', number | null>
  /** The running pass: it deletes the entries of answers before `first`, and is done up to prefix `from`. */
  let pass: { first: number; from: number } | null = null
  return {
    get backlog() {
      const { first, last, gone } = ends()
      if (first === null || last === null) return 0
      const stale = first - 1 - (gone ?? 0)
      return stale > last - first ? stale : 0
    },
    doSlice() {
      pass ??= { first: ends().first ?? 1, from: -1 }
      const end = sql.sliceEnd.get(pass.from)?.prefix as number | undefined
      sql.remove.run(pass.from, end ?? Number.MAX_SAFE_INTEGER, pass.first)
      if (end !== undefined) {
        pass.from = end
        return true
      }
      sql.setGone.run(pass.first - 1)
      pass = null
      return false
    },
    forget() {
      pass = null
    },
  }
}
