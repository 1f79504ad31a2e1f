import { closeSync, openSync, writeSync } from 'node:fs'
import type { Problem, Row } from './files/row.ts'

/** How an import stands. */
export interface Standing {
  /** Formulas that are in the service now because of this file. */
  added: number
  /** How many of them an earlier run, or an earlier try, has added. */
  addedBefore: number
  /** Formulas whose composition was there already, or stands earlier in the file. */
  known: number
  refused: number
  /** Formulas that a dry run found nothing wrong with. */
  good: number
  /** Formulas in lists that the service refused for what is not in them, such as a wrong key. They are not in. */
  turnedAway: number
  /** Formulas that were sent and have no answer. Nobody knows whether they are in; running it again will tell. */
  unanswered: number
  /** All of which it is known what has become of them. */
  readonly decided: number
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
  good = 0
  turnedAway = 0
  unanswered = 0
  readonly #report: number | null
  readonly #print: (line: string) => void

  /**
   * @param report where to write the report, null for none
   * @param print shows a line to the user
   */
  constructor(report: string | null, print: (line: string) => void) {
    this.#report = report === null ? null : openSync(report, 'w', 0o600)
    this.#print = print
  }

  get decided(): number {
    return this.added + this.known + this.refused + this.good
  }

  countAdded(replayed: boolean): void {
    this.added++
    if (replayed) this.addedBefore++
  }

  countKnown({ line }: Row, { id, name }: Known): void {
    this.known++
    this.#write({ line, outcome: 'duplicate', id, name })
  }

  countGood(): void {
    this.good++
  }

  countTurnedAway(rows: Row[]): void {
    this.turnedAway += rows.length
  }

  countUnanswered(rows: Row[]): void {
    this.unanswered += rows.length
  }

  refuse(line: number, problems: LocatedProblem[]): void {
    this.refused++
    if (this.#report === null) this.#print(inWords(line, problems))
    else this.#write({ line, outcome: 'refused', problems })
  }

  /** Tells of something that is taken in, but should be looked at. */
  warn(line: number, message: string): void {
    if (this.#report === null) this.#print(`line ${line}: warning: ${message}`)
    else this.#write({ line, outcome: 'warning', message })
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
