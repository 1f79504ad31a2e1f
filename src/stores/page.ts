/** Most bytes of one page of a list, as JSON in UTF-8. */
export const PAGE_BYTES = 4 * 2 ** 20
/** What an entry takes beside its name and materials: field names, id, time. */
export const ENTRY_BYTES = 256

interface Entry {
  name: string
  /** As JSON. */
  materials: string
}

/** The most that a formula can take in an answer: each character of its name may be escaped. */
export const entryBytes = ({ name, materials }: Entry): number =>
  ENTRY_BYTES + 2 * Buffer.byteLength(name) + Buffer.byteLength(materials)

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
  let bytes = ENTRY_BYTES
  for (const row of rows) {
    bytes += bytesOf(row)
    if (shown.length === limit || (bytes > PAGE_BYTES && shown.length > 0)) return { shown, more: true }
    shown.push(row)
  }
  return { shown, more: false }
}
