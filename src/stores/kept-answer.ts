import { hash } from 'node:crypto'
import type { Answer, AnswerEntry, NewFormula, StoredFormula, Submission } from './ports.ts'

/**
 * What is kept of an answer under its key refers to formulas and copies none.
 *
 * Of a 200 it is a text of its entries in their order: `s` where the body was one formula or `l` where it was a list, then
 * parts with commas between: `+3` the next three of the formulas that the submission added, `~2` the same as number 2 of
 * these (from 0), `=17` the formula with sequence number 17. The sequence numbers of those that were added are kept beside
 * it. So `s+1` is a single formula that was added, and `l+2,=17,~0` a list of four.
 *
 * Of a 409 it is its duplicates as JSON.
 */

/**
 * Once an answer has so many bytes of documents, further duplicates are told by their ids alone. A stored formula may be
 * many times as long as the one that was sent for it, so that without a bound a small request had a large answer.
 */
export const ANSWER_BYTES = 4 * 2 ** 20

type Formula = Pick<NewFormula, 'id' | 'document'>

/** Collects the entries of a 200. */
export class AnswerBuilder {
  readonly #single: boolean
  readonly #entries: AnswerEntry[] = []
  readonly #parts: string[] = []
  /** The formulas added since the last part. */
  #run = 0
  #bytes = 0

  constructor(single: boolean) {
    this.#single = single
  }

  added({ id, document }: Formula): void {
    this.#run++
    this.#bytes += Buffer.byteLength(document)
    this.#entries.push({ id, outcome: 'added', document })
  }

  /** @param ordinal which of those added it is the same as, from 0 */
  twin(formula: Formula, ordinal: number): void {
    this.#duplicate(formula, `~${ordinal}`)
  }

  duplicate(formula: StoredFormula): void {
    this.#duplicate(formula, `=${formula.seq}`)
  }

  #duplicate({ id, document }: Formula, part: string): void {
    this.#endRun()
    this.#parts.push(part)
    const shown = this.#bytes < ANSWER_BYTES
    if (shown) this.#bytes += Buffer.byteLength(document)
    this.#entries.push({ id, outcome: 'duplicate', document: shown ? document : null })
  }

  #endRun(): void {
    if (this.#run > 0) this.#parts.push(`+${this.#run}`)
    this.#run = 0
  }

  built(): { answer: Answer; kept: string } {
    this.#endRun()
    const answer: Answer = { status: 200, single: this.#single, entries: this.#entries }
    return { answer, kept: `${this.#single ? 's' : 'l'}${this.#parts.join()}` }
  }
}

/** The answer of a submission all of whose formulas were added; what is kept of it is `s+1` or `l+n`. */
export const allAdded = ({ single, formulas }: Submission): Answer => ({
  status: 200,
  single,
  entries: formulas.map(({ id, document }) => ({ id, outcome: 'added', document })),
})

/** @param added the sequence numbers of the formulas that the submission added. @returns those of all its entries */
export function referredTo(kept: string, added: readonly number[]): number[] {
  const seqs: number[] = []
  let next = 0
  for (const part of kept.slice(1).split(',')) {
    const number = Number(part.slice(1))
    if (part.startsWith('+')) {
      seqs.push(...added.slice(next, next + number))
      next += number
    } else seqs.push(part.startsWith('~') ? (added[number] as number) : number)
  }
  return seqs
}

/**
 * Puts an answer together again from what is kept of it.
 * @param added the sequence numbers of the formulas that the submission added, in their order
 * @param formula the visible formula with a sequence number
 */
export function readKept(
  { status, kept }: { status: number; kept: string },
  added: readonly number[],
  formula: (seq: number) => StoredFormula | null,
): Answer {
  if (status === 409) return { status, duplicates: JSON.parse(kept) }
  const builder = new AnswerBuilder(kept.startsWith('s'))
  const isAdded = new Set(added)
  const seen = new Set<number>()
  for (const seq of referredTo(kept, added)) {
    const stored = formula(seq)
    if (stored === null) return { status: 410 }
    if (isAdded.has(seq) && !seen.has(seq)) builder.added(stored)
    else builder.duplicate(stored)
    seen.add(seq)
  }
  return builder.built().answer
}

/**
 * What an answer is kept under: 128 bits of SHA-256 over caller and key, in 32 hex digits. Neither can hold a NUL, so no
 * two pairs give the same text.
 */
export const slotOf = (caller: string, key: string): string => hash('sha256', `${caller}\0${key}`, 'hex').slice(0, 32)
