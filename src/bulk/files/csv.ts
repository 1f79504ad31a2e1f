import { once } from 'node:events'
import { type CsvError, type Parser, parse } from 'csv-parse'
import { CsvFormulas } from './csv-formulas.ts'
import { type Entry, type ReadFile, unreadable } from './row.ts'

/** A row with more is one with a quote that nobody closed, in bytes. */
const MAX_RECORD_BYTES = 64 * 1024

/** Reads a CSV file with one material a row, in UTF-8, quoted as in RFC 4180. Blank lines are passed over. */
export const csvReader = (delimiter: string): ReadFile =>
  async function* readCsv(chunks) {
    const records: Buffer[][] = []
    const parser = parse({
      delimiter,
      record_delimiter: ['\r\n', '\n'],
      // Fields stay bytes, so that those which are no UTF-8 are seen.
      encoding: null,
      relax_column_count: true,
      max_record_size: MAX_RECORD_BYTES,
      // Taken here, before the stream: it throws away what it has read when it meets an error.
      on_record: (record: unknown) => void records.push(record as Buffer[]),
    })
    const broken = new Promise<CsvError>((resolve) => parser.once('error', resolve))
    const rows = new NumberedRows()
    for await (const chunk of chunks) {
      const error = await write(parser, chunk)
      yield rows.take(records)
      if (error !== null) return yield [rows.brokenBy(error)]
    }
    parser.end()
    const error = await Promise.race([broken, once(parser.resume(), 'end').then(() => null)])
    yield rows.take(records)
    yield error === null ? rows.end() : [rows.brokenBy(error)]
  }

/** @returns the error that the chunk ends in */
function write(parser: Parser, chunk: Buffer): Promise<CsvError | null> {
  return new Promise((resolve) => parser.write(chunk, (error) => resolve((error as CsvError | undefined) ?? null)))
}

/** Knows the line of each row: a quoted field may hold line feeds. */
class NumberedRows {
  #line = 1
  readonly #formulas = new CsvFormulas()

  /** The formulas that these rows complete. */
  take(records: Buffer[][]): Entry[] {
    const entries: Entry[] = []
    for (const record of records.splice(0)) {
      const entry = this.#formulas.add(record, this.#line)
      if (entry !== null) entries.push(entry)
      this.#line += 1 + record.reduce((sum, field) => sum + lineFeeds(field), 0)
    }
    return entries
  }

  end(): Entry[] {
    const last = this.#formulas.close()
    return last === null ? [] : [last]
  }

  /** The formula whose rows came last may go on in the part that cannot be read: it is not taken in by half. */
  brokenBy(error: CsvError): Entry {
    const unfinished = this.#formulas.close()
    const reason = error.message.replace(/ at line \d+/, '')
    const from = unfinished === null ? this.#line : Math.min(unfinished.line, this.#line)
    return unreadable(from, `The file cannot be read any further than line ${this.#line}: ${reason}`)
  }
}

function lineFeeds(field: Buffer): number {
  let count = 0
  for (let at = field.indexOf(10); at >= 0; at = field.indexOf(10, at + 1)) count++
  return count
}
