import { hash } from 'node:crypto'
import type { Row } from './files/row.ts'

/** Formulas that are sent in one request. */
export interface List {
  rows: Row[]
  body: string
  /** Derived from the body alone, so that another run sends the same list under the same key. */
  key: string
}

/** Most formulas in a list: the service names at most as many problems in one answer. */
export const LIST_LENGTH = 100

/** Most bytes of several formulas in a list; below the service's default limit for bodies. */
export const LIST_BYTES = 1_000_000

export function listOf(rows: Row[]): List {
  const body = `[${rows.map(({ json }) => json).join()}]`
  return { rows, body, key: `import-${hash('sha256', body)}` }
}

/**
 * Groups rows into lists. The end of a list depends only on the rows before it, so that a file always gives the same lists.
 * @param stop ends it early, without the rows that do not fill a list: they are left for the next run
 */
export async function* intoLists(chunks: AsyncIterable<Row[]>, stop: AbortSignal): AsyncGenerator<List> {
  let rows: Row[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    for (const row of chunk) {
      if (stop.aborted) return
      const length = Buffer.byteLength(row.json) + 1
      if (rows.length === LIST_LENGTH || (rows.length > 0 && bytes + length > LIST_BYTES)) {
        yield listOf(rows)
        rows = []
        bytes = 0
      }
      rows.push(row)
      bytes += length
    }
  }
  if (rows.length > 0 && !stop.aborted) yield listOf(rows)
}
