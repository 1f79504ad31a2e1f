import { jsonRow } from './json-row.ts'
import type { Entry } from './row.ts'
import { RowBytes } from './row-bytes.ts'

const LINE_FEED = 10
const BLANK = /^[ \t\r]*$/

/** Reads a file with one formula a line. Blank lines are passed over. */
export async function* readNdjson(read: () => AsyncIterable<Buffer>): AsyncIterable<Entry[]> {
  const row = new RowBytes()
  let line = 1
  for await (const chunk of read()) {
    const entries: Entry[] = []
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      row.add(chunk.subarray(start, end))
      addRow(entries, row.take(), line++)
      start = end + 1
    }
    row.add(chunk.subarray(start))
    yield entries
  }
  const last: Entry[] = []
  addRow(last, row.take(), line)
  yield last
}

function addRow(entries: Entry[], bytes: Buffer | null, line: number): void {
  const isBlank = bytes !== null && bytes.length < 100 && BLANK.test(bytes.toString('latin1'))
  if (!isBlank) entries.push(jsonRow(bytes, line))
}
