import { isUtf8 } from 'node:buffer'
import { RowBytes } from './row-bytes.ts'

/** One line of a text file, without its end. */
export interface Line {
  /** From 1. */
  number: number
  /** Null when the line is too long. Bytes that are not UTF-8 have become U+FFFD. */
  text: string | null
  isUtf8: boolean
}

const [LINE_FEED, CARRIAGE_RETURN] = [10, 13]

/**
 * Cuts UTF-8 into lines, which end with CR LF, LF or CR.
 * @param longest of a line with more bytes nothing is kept
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, longest: number): AsyncIterable<Line[]> {
  const row = new RowBytes(longest)
  let number = 1
  let isAfterReturn = false
  for await (const chunk of chunks) {
    const lines: Line[] = []
    let start = 0
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index]
      const isSecondHalf = byte === LINE_FEED && isAfterReturn
      isAfterReturn = byte === CARRIAGE_RETURN
      if (byte !== LINE_FEED && byte !== CARRIAGE_RETURN) continue
      if (!isSecondHalf) {
        row.add(chunk.subarray(start, index))
        lines.push(lineOf(row.take(), number++))
      }
      start = index + 1
    }
    row.add(chunk.subarray(start))
    yield lines
  }
  if (!row.isEmpty) yield [lineOf(row.take(), number)]
}

function lineOf(bytes: Buffer | null, number: number): Line {
  return { number, text: bytes?.toString() ?? null, isUtf8: bytes === null || isUtf8(bytes) }
}
