import { extname } from 'node:path'
import type { TableOptions } from './columns.ts'
import { csvRows } from './csv-rows.ts'
import { readJsonArray } from './json-array.ts'
import { readNdjson } from './ndjson.ts'
import type { ReadFile } from './row.ts'
import { TableReading } from './table-formulas.ts'

/** What a file of formulas can look like. */
export const FORMATS = ['ndjson', 'json', 'csv'] as const
export type Format = (typeof FORMATS)[number]

const EXTENSIONS: Record<string, Format> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
  '.csv': 'csv',
  '.tsv': 'csv',
}

const extension = (path: string): string => extname(path).toLowerCase()

/** The format that a file's name tells, null when it tells none. */
export const formatOf = (path: string): Format | null => EXTENSIONS[extension(path)] ?? null

/** What stands between the fields of a CSV file of this name. */
export const delimiterOf = (path: string): string => (extension(path) === '.tsv' ? '\t' : ',')

/** Whether a file has one material a row. It is read twice. */
export const isTable = (format: Format): boolean => format === 'csv'

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
  }
}
