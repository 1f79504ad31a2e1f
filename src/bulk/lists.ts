import { hash } from 'node:crypto'
import type { Entry, Row, Unreadable } from './files/row.ts'

/** Formulas that are sent in one request. */
export interface List {
  rows: Row[]
  body: string
  /** Comes from the body alone: the next run sends the same list under the same key, and it is not taken in twice. */
  key: string
}

/** Most formulas in a list: the service names at most as many problems in one answer. */
export const LIST_LENGTH = 100

/** Most bytes of the formulas in a list of several; below the service's usual limit. */
export const LIST_BYTES = 1_000_000

export function listOf(rows: Row[]): List {
  const body = `[${rows.map(({ json }) => json).join()}]`
  return { rows, body, key: `import-${hash('sha256', body)}` }
}

/**
 * Puts rows together to lists. Where a list ends depends on the rows before alone, so that the same file gives the same
 * lists each time.
 * @param onUnreadable told of each place that holds no formula, in the order of the file
 * @param stop ends it early; rows that make no whole list are left for the next run then
 */
export async function* intoLists(
  chunksOfEntries: AsyncIterable<Entry[]>,
  onUnreadable: (entry: Unreadable) => void,
  stop: AbortSignal,
): AsyncGenerator<List> {
  let rows: Row[] = []
  let bytes = 0
  for await (const entries of chunksOfEntries) {
    for (const entry of entries) {
      if (stop.aborted) return
      if ('problem' in entry) {
        onUnreadable(entry)
        continue
      }
      const length = Buffer.byteLength(entry.json) + 1
      if (rows.length === LIST_LENGTH || (rows.length > 0 && bytes + length > LIST_BYTES)) {
        yield listOf(rows)
        rows = []
        bytes = 0
      }
      rows.push(entry)
      bytes += length
    }
  }
  if (rows.length > 0 && !stop.aborted) yield listOf(rows)
}
