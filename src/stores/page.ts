import { showFormula } from '../formula/formula.ts'

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
