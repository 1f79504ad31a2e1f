import type { DatabaseSync } from 'node:sqlite'
import { readKept } from '../kept-answer.ts'
import type { Answer, KeyRecord, StoredFormula } from '../ports.ts'
import { type AnswerRow, answerStatements } from './answer-statements.ts'
import { prefixOf } from './formula-table.ts'
import { LateIndex } from './upkeep/late-index.ts'

/** What is kept of an answer: see kept-answer.ts. */
export interface KeptAnswer {
  submissionId: string
  payload: string
  status: Answer['status']
  kept: string
  /** The sequence number of the first formula that the submission added; 0 where there is none. */
  firstAdded: number
  added: number
}

/** The answers kept for replay, by slot (see kept-answer.ts). */
export function answerTable(db: DatabaseSync, ttlMs: number, formula: (seq: number) => StoredFormula | null) {
  const sql = answerStatements(db)
  const index = answerIndex(db)
  let next: number | null = null

  const read = ({ status, kept, firstAdded, added }: Omit<KeptAnswer, 'submissionId' | 'payload'>): Answer =>
    readKept({ status, kept }, seqsFrom(firstAdded, added), formula)

  return {
    index,
    read,
    /** Forgets what a transaction has numbered that was rolled back. */
    reload(): void {
      next = null
    },
    find(now: number, slot: string): KeyRecord | null {
      const [prefix, bytes] = [prefixOf(slot), Buffer.from(slot, 'hex')]
      let row: unknown
      for (const seq of index.seqsOf(prefix)) row ??= sql.bySeq.get(seq, bytes, now)
      row ??= sql.byPrefix.get(prefix, bytes, now)
      if (row === undefined) return null
      const { payload, submission, status, kept, first_added: firstAdded, added } = row as AnswerRow
      return {
        submissionId: submission,
        payload: Buffer.from(payload).toString('hex'),
        answer: read({ status, kept, firstAdded, added }),
      }
    },
    keep(now: number, slot: string, answer: KeptAnswer): void {
      const { submissionId, payload, status, kept, firstAdded, added } = answer
      const [prefix, bytes] = [prefixOf(slot), Buffer.from(slot, 'hex')]
      next ??= sql.nextSeq.get()?.seq as number
      const seq = next++
      const hash = Buffer.from(payload, 'hex')
      sql.insert.run(seq, prefix, bytes, hash, submissionId, status, kept, firstAdded, added, now + ttlMs)
      index.add(seq, prefix, '')
    },
    sweep: (now: number, limit: number): number => Number(sql.sweep.run(limit, now).changes),
  }
}

function answerIndex(db: DatabaseSync): LateIndex {
  const { rowsAfter, indexPrefix } = answerStatements(db)
  return new LateIndex(db, {
    column: 'answers',
    rowsAfter,
    targets: [
      { order: (kept) => kept.byHash(), write: (kept, entry) => indexPrefix.run(kept.hash(entry), kept.seq(entry)) },
    ],
  })
}

/** So many numbers that follow on one another. */
export const seqsFrom = (first: number, howMany: number): number[] =>
  Array.from({ length: howMany }, (_, index) => first + index)

export type AnswerTable = ReturnType<typeof answerTable>
