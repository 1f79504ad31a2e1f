/** Most bytes of one page of a list, as JSON in UTF-8. */
export const PAGE_BYTES = 4 * 2 ** 20
/** What a page has beside its entries. */
export const FRAME_BYTES = 256

/** What a formula takes in an answer, with the comma behind it. */
export const entryBytes = ({ document }: { document: string }): number => Buffer.byteLength(document) + 1

/**
 * Takes the rows of one page: up to `limit`, and as many as `PAGE_BYTES` hold, but at least one. No row is read beyond
 * the first that does not fit.
 * @returns whether rows are left as well
 */
export function cutPage<R>(
  rows: Iterable<R>,
  limit: number,
  bytesOf: (row: R) => number,
): { shown: R[]; more: boolean } {
  const shown: R[] = []
  let bytes = FRAME_BYTES
  for (const row of rows) {
    bytes += bytesOf(row)
    if (shown.length === limit || (bytes > PAGE_BYTES && shown.length > 0)) return { shown, more: true }
    shown.push(row)
  }
  return { shown, more: false }
}
