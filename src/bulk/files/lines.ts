import { isUtf8 } from 'node:buffer'

/** The text of one row of a file: a line, or a member of a JSON array. */
export interface RowText {
  /** The line it begins on, from 1. */
  line: number
  /** Null when the row is too long. Invalid bytes have become U+FFFD. */
  text: string | null
  isUtf8: boolean
}

/** Collects the bytes of one row from several chunks. Keeps nothing of a row that is too long. */
export class RowBuffer {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  add(part: Buffer): void {
    this.#length += part.length
    if (this.#length <= this.#maxBytes) this.#parts.push(part)
    else this.#parts = []
  }

  /** Ends the row and begins the next one. */
  take(line: number): RowText {
    const bytes = this.#length > this.#maxBytes ? null : Buffer.concat(this.#parts)
    this.#parts = []
    this.#length = 0
    return { line, text: bytes?.toString() ?? null, isUtf8: bytes === null || isUtf8(bytes) }
  }
}

const [LINE_FEED, CARRIAGE_RETURN] = [10, 13]

/**
 * Splits UTF-8 into lines, which end with CR LF, LF or CR.
 * @param maxBytes nothing is kept of a longer line
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncIterable<RowText[]> {
  const row = new RowBuffer(maxBytes)
  let number = 1
  let isAfterReturn = false
  for await (const chunk of chunks) {
    const lines: RowText[] = []
    let start = 0
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index]
      const isSecondHalf = byte === LINE_FEED && isAfterReturn
      isAfterReturn = byte === CARRIAGE_RETURN
      if (byte !== LINE_FEED && byte !== CARRIAGE_RETURN) continue
      if (!isSecondHalf) {
        row.add(chunk.subarray(start, index))
        lines.push(row.take(number++))
      }
      start = index + 1
    }
    row.add(chunk.subarray(start))
    yield lines
  }
  if (!row.isEmpty) yield [row.take(number)]
}
