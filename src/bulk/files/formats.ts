import { extname } from 'node:path'
import type { TableOptions } from './columns.ts'
import { csvRows } from './csv-rows.ts'
import { readJsonArray } from './json-array.ts'
import { readNdjson } from './ndjson.ts'
import type { ReadFile } from './row.ts'
import { sheetRows } from './sheet-rows.ts'
import { TableReading } from './table-formulas.ts'

/** What a file of formulas can look like. */
export const FORMATS = ['ndjson', 'json', 'csv', 'xlsx'] as const
export type Format = (typeof FORMATS)[number]

const EXTENSIONS: Record<string, Format> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
  '.csv': 'csv',
  '.tsv': 'csv',
  '.xlsx': 'xlsx',
}

const extension = (path: string): string => extname(path).toLowerCase()

/** The format that a file's name tells, null when it tells none. */
export const formatOf = (path: string): Format | null => EXTENSIONS[extension(path)] ?? null

/** What stands between the fields of a CSV file of this name. */
export const delimiterOf = (path: string): string => (extension(path) === '.tsv' ? '\t' : ',')

/** Whether a file has one material a row. */
export const isTable = (format: Format): boolean => format === 'csv' || format === 'xlsx'

/** Whether a file is text, in some encoding. */
export const isText = (format: Format): boolean => format !== 'xlsx'

/** How often a file is read: a sheet is kept in memory. */
export const readingsOf = (format: Format): 1 | 2 => (format === 'csv' ? 2 : 1)

/** @param delimiter what stands between the fields of a CSV file */
export function readerOf(format: Format, delimiter: string, table: TableOptions): ReadFile {
  switch (format) {
    case 'ndjson':
      return readNdjson
    case 'json':
      return readJsonArray
    case 'csv': {
      const reading = new TableReading(table)
      return (read) => reading.formulas(() => csvRows(read(), delimiter, reading.isRow))
    }
    case 'xlsx':
      return (read) => {
        const rows = sheetRows(read(), table.decimal)
        return new TableReading(table).formulas(async function* () {
          yield await rows
        })
      }
  }
}
