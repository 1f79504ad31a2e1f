import { extname } from 'node:path'
import type { TableOptions } from './columns.ts'
import { csvRows } from './csv-rows.ts'
import { readJsonArray, readNdjson } from './json.ts'
import type { ReadFile } from './row.ts'
import { sheetRows } from './sheet-rows.ts'
import { tableFormulas } from './table-formulas.ts'

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

/** The format for a file of this name; null for an unknown extension. */
export const formatOf = (path: string): Format | null => EXTENSIONS[extension(path)] ?? null

/** The default delimiter for a CSV file of this name. */
export const delimiterOf = (path: string): string => (extension(path) === '.tsv' ? '\t' : ',')

/** @param delimiter between the fields of a CSV file */
export function readerOf(format: Format, delimiter: string, table: TableOptions): ReadFile {
  switch (format) {
    case 'ndjson':
      return readNdjson
    case 'json':
      return readJsonArray
    case 'csv':
      return (read) => tableFormulas((isRow) => csvRows(read(), delimiter, isRow), table)
    case 'xlsx':
      return (read) => {
        const rows = sheetRows(read(), table.decimal)
        const readRows = async function* () {
          yield await rows
        }
        return tableFormulas(readRows, table)
      }
  }
}
