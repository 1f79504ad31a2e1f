import { parse } from 'csv-parse/sync'
import { type Line, linesOf } from './lines.ts'
import type { TableRow } from './table-row.ts'

/** A row with more is one with a quote that nobody closed, in bytes. */
const LONGEST_ROW = 64 * 1024

const SEPARATOR_LINE = /^"?sep=(.)"?$/i

const PROBLEM = {
  quote: 'The quotes of this row are broken: the row was passed over, and reading went on with the next line',
  encoding: 'The row is not in UTF-8. For a file in another encoding there is --encoding',
  length: `The row has more than ${LONGEST_ROW} bytes`,
}

/**
 * Reads the rows of a CSV file in UTF-8, quoted as in RFC 4180. A row whose quotes are broken ends with its line: what a
 * quote that nobody closed has swallowed is read again, as rows.
 * @param delimiter between the fields; a first line `sep=;` names another one
 * @param isRow whether cells look like a row of this table, and not like a piece of text with line ends
 */
export async function* csvRows(
  chunks: AsyncIterable<Buffer>,
  delimiter: string,
  isRow: (cells: string[]) => boolean,
): AsyncIterable<TableRow[]> {
  const reading = new CsvReading(delimiter, isRow)
  let hasHeader = false
  for await (const lines of linesOf(chunks, LONGEST_ROW)) {
    // Nobody knows what a row looks like before the header has been given out.
    let read = 0
    while (!hasHeader && read < lines.length) {
      const rows = reading.add(lines.slice(read, ++read))
      hasHeader = rows.some(({ cells }) => cells.join('').trim() !== '')
      yield rows
    }
    yield reading.add(lines.slice(read))
  }
  yield reading.end()
}

class CsvReading {
  #delimiter: string
  readonly #isRow: (cells: string[]) => boolean
  /** Lines that are not read yet, because a quote is open at their end. */
  #waiting: Line[] = []

  constructor(delimiter: string, isRow: (cells: string[]) => boolean) {
    this.#delimiter = delimiter
    this.#isRow = isRow
  }

  add(lines: Line[]): TableRow[] {
    return this.#read([...this.#waiting, ...lines], false)
  }

  end(): TableRow[] {
    return this.#read(this.#waiting, true)
  }

  #read(lines: Line[], isLast: boolean): TableRow[] {
    const rows = new RowsInOrder(this.#delimiter)
    this.#waiting = []
    for (let index = 0; index < lines.length; index++) {
      const line = lines[index] as Line
      if (this.#isSeparatorLine(line)) {
        rows.delimiter = this.#delimiter
      } else if (line.text?.includes('"') && line.isUtf8) {
        const length = quotedLines(lines, index)
        if (length === 'open' && !isLast) {
          this.#waiting = lines.slice(index)
          break
        }
        index += this.#addQuoted(rows, lines, index, length) - 1
      } else rows.addPlain(line)
    }
    return rows.take()
  }

  #isSeparatorLine({ number, text }: Line): boolean {
    const separator = number === 1 ? SEPARATOR_LINE.exec(text?.trimEnd() ?? '')?.[1] : undefined
    if (separator === undefined) return false
    this.#delimiter = separator
    return true
  }

  /** @returns how many lines belong to the row */
  #addQuoted(rows: RowsInOrder, lines: Line[], index: number, length: Length): number {
    const line = lines[index] as Line
    if (length === 1) {
      rows.addQuoted(line)
      return 1
    }
    const cells = typeof length === 'string' ? null : this.#cellsOfLines(lines.slice(index, index + length))
    if (cells === null) {
      rows.addBroken(line)
      return 1
    }
    rows.add({ line: line.number, cells, problem: null })
    return length as number
  }

  /** @returns null where the lines are rows that a quote has swallowed, or cannot be read together */
  #cellsOfLines(lines: Line[]): string[] | null {
    const [, ...others] = lines
    if (others.some(({ text }) => this.#isRow(guessed(text ?? '', this.#delimiter).cells))) return null
    return parsed(lines.map(({ text }) => text).join('\n'), this.#delimiter)?.[0] ?? null
  }
}

/** How many lines a row has; `open` when the lines end before its quotes do, `endless` when it would be too long. */
type Length = number | 'open' | 'endless'

/** The length of the row that begins at `index`: it goes on until its quotes are even. */
function quotedLines(lines: Line[], index: number): Length {
  let [quotes, length] = [0, 0]
  for (let end = index; end < lines.length; end++) {
    const { text, isUtf8 } = lines[end] as Line
    length += text?.length ?? Infinity
    if (!isUtf8 || length > LONGEST_ROW) return 'endless'
    quotes += (text as string).split('"').length - 1
    if (quotes % 2 === 0) return end - index + 1
  }
  return 'open'
}

/** Collects rows. Those with quotes are parsed together: the parser is slow to start. */
class RowsInOrder {
  delimiter: string
  readonly #rows: TableRow[] = []
  #quoted: { at: number; text: string }[] = []

  constructor(delimiter: string) {
    this.delimiter = delimiter
  }

  add(row: TableRow): void {
    this.#rows.push(row)
  }

  addPlain({ number, text, isUtf8 }: Line): void {
    if (text === null) this.add({ line: number, cells: [], problem: PROBLEM.length })
    else if (isUtf8) this.add({ line: number, cells: text.split(this.delimiter), problem: null })
    else this.#addGuess(number, text, PROBLEM.encoding)
  }

  addQuoted({ number, text }: Line): void {
    this.#quoted.push({ at: this.#rows.length, text: text as string })
    this.add({ line: number, cells: [], problem: null })
  }

  addBroken({ number, text }: Line): void {
    this.#addGuess(number, text ?? '', PROBLEM.quote)
  }

  #addGuess(line: number, text: string, problem: string): void {
    this.add({ line, problem, ...guessed(text, this.delimiter) })
  }

  take(): TableRow[] {
    const together = parsed(this.#quoted.map(({ text }) => text).join('\n'), this.delimiter)
    const areAligned = together?.length === this.#quoted.length
    for (const [index, { at, text }] of this.#quoted.entries()) {
      const row = this.#rows[at] as TableRow
      const cells = areAligned ? together[index] : parsed(text, this.delimiter)?.[0]
      if (cells !== undefined) row.cells = cells
      else Object.assign(row, guessed(text, this.delimiter), { problem: PROBLEM.quote })
    }
    return this.#rows
  }
}

function parsed(text: string, delimiter: string): string[][] | null {
  try {
    return parse(text, { delimiter, record_delimiter: ['\n'], relax_column_count: true })
  } catch {
    return null
  }
}

/** What the cells of a broken row may be. Those before the first quote, or the first broken byte, are certain. */
function guessed(text: string, delimiter: string): { cells: string[]; sureCells: number } {
  const sureCells = (text.split(/["\ufffd]/, 1)[0] as string).split(delimiter).length - 1
  return { cells: text.split(delimiter).map((cell) => cell.replaceAll('"', '').trim()), sureCells }
}
