import { closeSync, openSync, writeSync } from 'node:fs'
import type { Problem, Row } from './files/row.ts'

/** How an import stands. */
export interface Standing {
  /** Formulas that are in the service now because of this file. */
  added: number
  /** How many of them an earlier run, or an earlier try, has added. */
  addedBefore: number
  /** Formulas whose make-up was there already, or stands earlier in the file. */
  known: number
  refused: number
  /** Formulas that were sent and have no answer. Nobody knows whether they are in; running it again will tell. */
  unanswered: number
}

/** A problem, and the line it is on where that is known better than by the formula. */
export type LocatedProblem = Problem & { line?: number }

/** A formula that was there already. */
export interface Known {
  id: string
  /** Told to callers who may read, unless the answer is too long. */
  name?: string
}

/**
 * Counts what becomes of the formulas of a file, and tells of those that were not added: to a report, one JSON object a
 * line, where there is one; the refused ones else in words.
 */
export class Tally implements Standing {
  added = 0
  addedBefore = 0
  known = 0
  refused = 0
  unanswered = 0
  readonly #report: number | null
  readonly #print: (line: string) => void

  /**
   * @param report where to write the report, null for none
   * @param print shows a line to the user
   */
  constructor(report: string | null, print: (line: string) => void) {
    this.#report = report === null ? null : openSync(report, 'w')
    this.#print = print
  }

  countAdded(replayed: boolean): void {
    this.added++
    if (replayed) this.addedBefore++
  }

  countKnown({ line }: Row, { id, name }: Known): void {
    this.known++
    this.#write({ line, outcome: 'duplicate', id, name })
  }

  countUnanswered(rows: Row[]): void {
    this.unanswered += rows.length
  }

  refuse(line: number, problems: LocatedProblem[]): void {
    this.refused++
    if (this.#report === null) this.#print(inWords(line, problems))
    else this.#write({ line, outcome: 'refused', problems })
  }

  close(): void {
    if (this.#report !== null) closeSync(this.#report)
  }

  #write(entry: object): void {
    if (this.#report !== null) writeSync(this.#report, `${JSON.stringify(entry)}\n`)
  }
}

function inWords(line: number, [first, ...others]: LocatedProblem[]): string {
  const place = first?.path ? ` (${first.path})` : ''
  const more = others.length > 0 ? ` and ${others.length} more` : ''
  return `line ${first?.line ?? line}: ${first?.message}${place}${more}`
}
