import { closeSync, openSync, writeSync } from 'node:fs'
import type { Problem, Row } from './files/row.ts'

/** A stored formula as the service names it; the name only to callers who may read. */
export interface Known {
  id: string
  name?: string
}

/**
 * Counts what became of the formulas of a file, and reports those that were not added: as one JSON object per line to the
 * report file or, without one, the refused ones as text to the user.
 */
export class Tally {
  /** In the service because of this file. */
  added = 0
  /** Those of `added` that an earlier run or attempt has added. */
  addedBefore = 0
  /** The composition is stored already, or occurs earlier in the file. */
  known = 0
  refused = 0
  /** Found valid by a dry run. */
  valid = 0
  /** In lists that the service rejected as a whole, such as for a wrong API key. */
  rejected = 0
  /** Sent without getting an answer. Whether they are stored is unknown until the import is run again. */
  unanswered = 0
  readonly #report: number | null
  readonly #print: (line: string) => void

  /**
   * @param report the path of the report; null for none
   * @param print shows a line to the user
   */
  constructor(report: string | null, print: (line: string) => void) {
    this.#report = report === null ? null : openSync(report, 'w', 0o600)
    this.#print = print
  }

  /** How many formulas have a known outcome. */
  get decided(): number {
    return this.added + this.known + this.refused + this.valid
  }

  countKnown({ line }: Row, { id, name }: Known): void {
    this.known++
    this.#write({ line, outcome: 'duplicate', id, name })
  }

  refuse(line: number, problems: Problem[]): void {
    this.refused++
    if (this.#report === null) this.#print(inWords(line, problems))
    else this.#write({ line, outcome: 'refused', problems })
  }

  /** Reports a formula that looks wrong but is sent. */
  warn(line: number, message: string): void {
    if (this.#report === null) this.#print(`line ${line}: warning: ${message}`)
    else this.#write({ line, outcome: 'warning', message })
  }

  summary(isDryRun: boolean): string {
    if (isDryRun) return `${this.valid} would be sent, ${this.refused} refused; nothing was sent`
    const before = this.addedBefore > 0 ? ` (${this.addedBefore} by an earlier run or try)` : ''
    const rejected = this.rejected > 0 ? `, ${this.rejected} sent and not taken in` : ''
    const unanswered = this.unanswered > 0 ? `, ${this.unanswered} without an answer` : ''
    return `${this.added} added${before}, ${this.known} known already, ${this.refused} refused${rejected}${unanswered}`
  }

  close(): void {
    if (this.#report !== null) closeSync(this.#report)
  }

  #write(entry: object): void {
    if (this.#report !== null) writeSync(this.#report, `${JSON.stringify(entry)}\n`)
  }
}

function inWords(line: number, [first, ...others]: Problem[]): string {
  const place = first?.path ? ` (${first.path})` : ''
  const more = others.length > 0 ? ` and ${others.length} more` : ''
  return `line ${first?.line ?? line}: ${first?.message}${place}${more}`
}
