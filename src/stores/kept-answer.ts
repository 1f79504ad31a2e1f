import { hash } from 'node:crypto'
import type { Answer, AnswerEntry, NewFormula, StoredFormula, Submission } from './ports.ts'

/**
 * What is kept of an answer under its key. It refers to formulas and has no copy of them.
 *
 * A 200 is kept as a text of its entries in order: `s` for a single formula or `l` for a list, then parts separated by
 * commas. `+3` stands for the next three formulas that the submission added, `~2` for a twin of number 2 of them (from 0),
 * `=17` for the formula with sequence number 17. The sequence numbers of the added formulas are kept beside the text. So
 * `s+1` is a single formula that was added, and `l+2,=17,~0` a list of four.
 *
 * A 409 is kept as its duplicates in JSON.
 */

/**
 * Once an answer has this many bytes of documents, it shows further duplicates by id only. A stored formula can be much
 * longer than the one submitted: without this limit, a small request could get a huge answer.
 */
export const ANSWER_BYTES = 4 * 2 ** 20

type Formula = Pick<NewFormula, 'id' | 'document'>

/** Collects the entries of a 200. */
export class AnswerBuilder {
  readonly #single: boolean
  readonly #entries: AnswerEntry[] = []
  readonly #parts: string[] = []
  /** The number of formulas added since the last part. */
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

  /** @param ordinal the number of the added formula with the same composition, from 0 */
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

  build(): { answer: Answer; kept: string } {
    this.#endRun()
    const answer: Answer = { status: 200, single: this.#single, entries: this.#entries }
    return { answer, kept: `${this.#single ? 's' : 'l'}${this.#parts.join()}` }
  }
}

/** The answer to a submission whose formulas were all added. */
export const allAdded = ({ single, formulas }: Submission): Answer => ({
  status: 200,
  single,
  entries: formulas.map(({ id, document }) => ({ id, outcome: 'added', document })),
})

/** @param added the sequence numbers of the formulas that the submission added. @returns those of all entries, in order */
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
 * Rebuilds an answer from what is kept of it.
 * @param added the sequence numbers of the formulas that the submission added, in order
 * @param formula finds a visible formula by its sequence number
 * @returns a 410 when one of its formulas has been erased
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
  return builder.build().answer
}

/**
 * The slot of an answer, its key in the stores: 128 bits of SHA-256 over caller and key, in 32 hex digits. Neither can
 * contain a NUL, so different pairs never hash the same text.
 */
export const slotOf = (caller: string, key: string): string => hash('sha256', `${caller}\0${key}`, 'hex').slice(0, 32)
