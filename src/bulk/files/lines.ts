import { isUtf8 } from 'node:buffer'

/** The text of one row of a file: a line, or a member of a JSON array. */
export interface RowText {
  /** The line it begins on, from 1. */
  line: number
  /** Null when the row is too long. Invalid bytes have become U+FFFD. */
  text: string | null
  isUtf8: boolean
}

/**
 * The bytes of an unfinished row, one character per byte (`latin1`), because a chunk may end within a character; null for a
 * row that is too long, of which nothing is kept.
 */
export type RowBytes = string | null

export function append(row: RowBytes, part: string, maxBytes: number): RowBytes {
  return row === null || row.length + part.length > maxBytes ? null : row + part
}

export function rowText(line: number, row: RowBytes): RowText {
  if (row === null) return { line, text: null, isUtf8: true }
  const bytes = Buffer.from(row, 'latin1')
  return { line, text: bytes.toString(), isUtf8: isUtf8(bytes) }
}

/**
 * Splits UTF-8 into lines, which end with CR LF, LF or CR.
 * @param maxBytes nothing is kept of a longer line
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncIterable<RowText[]> {
  let row: RowBytes = ''
  let number = 1
  let isAfterReturn = false
  for await (const chunk of chunks) {
    const text = chunk.toString('latin1')
    const isSecondHalf = isAfterReturn && text.startsWith('\n')
    isAfterReturn = text === '' ? isAfterReturn : text.endsWith('\r')
    const [end = '', ...begun] = text.slice(isSecondHalf ? 1 : 0).split(/\r\n?|\n/)
    row = append(row, end, maxBytes)
    const lines: RowText[] = []
    for (const start of begun) {
      lines.push(rowText(number++, row))
      row = append('', start, maxBytes)
    }
    yield lines
  }
  if (row !== '') yield [rowText(number, row)]
}
