import { parse } from 'csv-parse/sync'
import { linesOf, type RowText } from './lines.ts'
import type { TableRow } from './table-formulas.ts'

/** A longer row has a quote that is never closed. */
const MAX_ROW_BYTES = 64 * 1024

const SEPARATOR_LINE = /^"?sep=(.)"?$/i

const PROBLEM = {
  quote: 'The quotes of this row are broken: it was skipped, and reading went on with the next line',
  encoding: 'The row is not in UTF-8. For a file in another encoding there is --encoding',
  length: `The row has more than ${MAX_ROW_BYTES} bytes`,
}

/**
 * Reads the rows of a CSV file in UTF-8, quoted as in RFC 4180. A row with broken quotes ends with its line: the lines
 * that an unclosed quote has swallowed are read again as rows.
 * @param delimiter between the fields; a first line such as `sep=;` overrides it
 * @param isRow whether cells look like a row of this table, rather than lines of a multi-line text. It is asked only
 *   after the rows above have been consumed, so it may depend on the header
 */
export async function* csvRows(
  chunks: AsyncIterable<Buffer>,
  delimiter: string,
  isRow: (cells: string[]) => boolean,
): AsyncIterable<Iterable<TableRow>> {
  const reader = new CsvReader(delimiter, isRow)
  for await (const lines of linesOf(chunks, MAX_ROW_BYTES)) yield reader.rows(lines, false)
  yield reader.rows([], true)
}

class CsvReader {
  #delimiter: string
  readonly #isRow: (cells: string[]) => boolean
  /** Lines from an open quote on, kept until the line that closes it. */
  #pending: RowText[] = []

  constructor(delimiter: string, isRow: (cells: string[]) => boolean) {
    this.#isRow = isRow
    this.#delimiter = delimiter
  }

  *rows(more: RowText[], isLast: boolean): Generator<TableRow> {
    const lines = [...this.#pending, ...more]
    this.#pending = []
    for (let index = 0; index < lines.length; index++) {
      const line = lines[index] as RowText
      if (this.#readSeparatorLine(line)) continue
      if (!line.isUtf8 || !line.text?.includes('"')) {
        yield this.#plainRow(line)
        continue
      }
      const length = quotedLines(lines, index)
      if (length === 'open' && !isLast) {
        this.#pending = lines.slice(index)
        return
      }
      const cells = typeof length === 'string' ? null : this.#quotedCells(lines.slice(index, index + length))
      if (cells === null) yield this.#brokenRow(line, PROBLEM.quote)
      else {
        yield { line: line.line, cells, problem: null }
        index += (length as number) - 1
      }
    }
  }

  #readSeparatorLine({ line, text }: RowText): boolean {
    const separator = line === 1 ? SEPARATOR_LINE.exec(text?.trimEnd() ?? '')?.[1] : undefined
    if (separator !== undefined) this.#delimiter = separator
    return separator !== undefined
  }

  #plainRow(row: RowText): TableRow {
    if (row.text === null) return { line: row.line, cells: [], problem: PROBLEM.length }
    if (!row.isUtf8) return this.#brokenRow(row, PROBLEM.encoding)
    return { line: row.line, cells: row.text.split(this.#delimiter), problem: null }
  }

  /** Guesses the cells. Those before the first quote, or the first broken byte, are certain. */
  #brokenRow({ line, text }: RowText, problem: string): TableRow {
    const certain = (text as string).split(/["\ufffd]/, 1)[0] as string
    return {
      line,
      problem,
      cells: this.#guess(text as string),
      certainCells: certain.split(this.#delimiter).length - 1,
    }
  }

  #guess(text: string): string[] {
    return text.split(this.#delimiter).map((cell) => cell.replaceAll('"', '').trim())
  }

  /** @returns null when the quotes are broken, or have swallowed lines that are rows themselves */
  #quotedCells(lines: RowText[]): string[] | null {
    if (lines.slice(1).some(({ text }) => this.#isRow(this.#guess(text as string)))) return null
    const text = lines.map((line) => line.text).join('\n')
    try {
      const options = { delimiter: this.#delimiter, record_delimiter: ['\n'], relax_column_count: true }
      return (parse(text, options) as string[][])[0] ?? null
    } catch {
      return null
    }
  }
}

/**
 * Counts the lines of a row, which ends where its quotes are even.
 * @returns `open` when more lines are needed, `endless` when it would be too long
 */
function quotedLines(lines: RowText[], index: number): number | 'open' | 'endless' {
  let [quotes, length] = [0, 0]
  for (let end = index; end < lines.length; end++) {
    const { text, isUtf8 } = lines[end] as RowText
    length += text?.length ?? Infinity
    if (!isUtf8 || length > MAX_ROW_BYTES) return 'endless'
    quotes += (text as string).split('"').length - 1
    if (quotes % 2 === 0) return end - index + 1
  }
  return 'open'
}
