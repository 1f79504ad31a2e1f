import { parse } from 'csv-parse/sync'
import { linesOf, type RowText } from './lines.ts'
import type { TableRow } from './row.ts'

/** A longer row is taken for one with an unclosed quote. */
const MAX_ROW_BYTES = 64 * 1024

const SEPARATOR_LINE = /^"?sep=(.)"?$/i

const PROBLEM = {
  quote: 'The quotes of this row are broken: it was skipped, and reading went on with the next line',
  encoding: 'The row is not in UTF-8. For another encoding add --encoding',
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
  for await (const lines of linesOf(chunks, MAX_ROW_BYTES)) yield reader.rows(lines)
  yield reader.end()
}

class CsvReader {
  #delimiter: string
  readonly #isRow: (cells: string[]) => boolean
  /** The lines from an open quote on, and their length. */
  #open: RowText[] = []
  #openLength = 0

  constructor(delimiter: string, isRow: (cells: string[]) => boolean) {
    this.#isRow = isRow
    this.#delimiter = delimiter
  }

  *rows(lines: RowText[]): Generator<TableRow> {
    for (const line of lines) yield* this.#read(line)
  }

  *end(): Generator<TableRow> {
    while (this.#open.length > 0) yield* this.#skipFirst()
  }

  *#read(line: RowText): Generator<TableRow> {
    if (this.#readSeparatorLine(line)) return
    const { text, isUtf8 } = line
    const isInQuotes = this.#open.length > 0
    if (!isInQuotes && !(isUtf8 && text?.includes('"'))) return yield this.#plainRow(line)
    this.#open.push(line)
    this.#openLength += text?.length ?? Infinity
    if (!isUtf8 || this.#openLength > MAX_ROW_BYTES) return yield* this.#skipFirst()
    const hasOddQuotes = ((text as string).split('"').length - 1) % 2 === 1
    if (isInQuotes !== hasOddQuotes) return
    const cells = this.#quotedCells()
    if (cells === null) return yield* this.#skipFirst()
    yield { line: this.#takeOpen()[0]?.line as number, cells, problem: null }
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

  /** Gives up the line with the open quote, and reads the lines below it again. */
  *#skipFirst(): Generator<TableRow> {
    const [first, ...others] = this.#takeOpen()
    yield this.#brokenRow(first as RowText, PROBLEM.quote)
    yield* this.rows(others)
  }

  #takeOpen(): RowText[] {
    const lines = this.#open
    this.#open = []
    this.#openLength = 0
    return lines
  }

  /** @returns null when the quotes are broken, or have swallowed lines that are rows themselves */
  #quotedCells(): string[] | null {
    const texts = this.#open.map(({ text }) => text as string)
    if (texts.slice(1).some((text) => this.#isRow(this.#guess(text)))) return null
    try {
      const options = { delimiter: this.#delimiter, record_delimiter: ['\n'], relax_column_count: true }
      return (parse(texts.join('\n'), options) as string[][])[0] ?? null
    } catch {
      return null
    }
  }
}
