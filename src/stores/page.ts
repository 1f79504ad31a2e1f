import { type FormulaFilter, toPredicate } from '../formula/filter.ts'
import { showFormula } from '../formula/formula.ts'
import type { FormulaPage, FormulaQuery, StoredFormula } from './ports.ts'

/** Maximum size of a page, in bytes of JSON in UTF-8. */
export const PAGE_BYTES = 4 * 2 ** 20
/** The bytes of a page besides its entries, rounded up. */
export const PAGE_OVERHEAD = 256

/** The bytes of a formula in an answer besides its document: the id of 64 digits, and the comma after it. */
export const ENTRY_OVERHEAD = '"id":"",'.length + 64 + 1

/** The bytes of a formula in an answer. */
export const entryBytes = ({ document }: { document: string }): number => Buffer.byteLength(document) + ENTRY_OVERHEAD

/** Writes the formulas of a page: their JSON as answers show it, separated by commas, in UTF-8. */
export const writeFormulas = (formulas: { id: string; document: string }[]): Uint8Array =>
  new TextEncoder().encode(formulas.map(showFormula).join())

/**
 * Takes the rows of a page: at least one, at most `limit`, and as many as fit into `PAGE_BYTES`. Stops reading at the
 * first row that does not fit.
 * @returns the rows, and whether more are left
 */
export function cutPage<R>(
  rows: Iterable<R>,
  limit: number,
  bytesOf: (row: R) => number,
): { shown: R[]; more: boolean } {
  const shown: R[] = []
  let bytes = PAGE_OVERHEAD
  for (const row of rows) {
    bytes += bytesOf(row)
    if (shown.length === limit || (bytes > PAGE_BYTES && shown.length > 0)) return { shown, more: true }
    shown.push(row)
  }
  return { shown, more: false }
}

/** How long a page with a filter may take, in milliseconds. */
export const FILTER_MS = 500

/** A monotonic clock, in milliseconds. */
export type Timer = () => number

/** The page of a list with a filter. Takes all rows of the list in turn until the page is full or its time is over. */
export class FilteredPage {
  readonly #matches: (document: string) => boolean
  readonly #limit: number
  readonly #now: Timer
  readonly #end: number
  readonly #found: StoredFormula[] = []
  #bytes = PAGE_OVERHEAD
  #next: number | null = null

  constructor({ filter, limit }: Pick<FormulaQuery, 'limit'> & { filter: FormulaFilter }, now: Timer) {
    this.#matches = toPredicate(filter)
    this.#limit = limit
    this.#now = now
    this.#end = now() + FILTER_MS
  }

  /**
   * @param row its document is empty if the row is known not to match
   * @returns whether the page ends here; if not, it wants the next row
   */
  endsAt(row: StoredFormula): boolean {
    if (row.document !== '' && this.#matches(row.document)) {
      this.#bytes += entryBytes(row)
      const isFull = this.#found.length === this.#limit || (this.#bytes > PAGE_BYTES && this.#found.length > 0)
      // The next page begins with this row.
      if (isFull) this.#next = row.seq + 1
      else this.#found.push(row)
    }
    if (this.#next === null && this.#now() >= this.#end) this.#next = row.seq
    return this.#next !== null
  }

  get page(): FormulaPage {
    return { formulas: writeFormulas(this.#found), next: this.#next }
  }
}
