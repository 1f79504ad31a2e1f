import { extname } from 'node:path'
import { csvReader } from './csv.ts'
import { readJsonArray } from './json-array.ts'
import { readNdjson } from './ndjson.ts'
import type { ReadFile } from './row.ts'

/** What a file of formulas can look like. */
export const FORMATS = ['ndjson', 'json', 'csv'] as const
export type Format = (typeof FORMATS)[number]

const EXTENSIONS: Record<string, Format> = { '.ndjson': 'ndjson', '.jsonl': 'ndjson', '.json': 'json', '.csv': 'csv' }

/** The format that a file's name tells, null when it tells none. */
export const formatOf = (path: string): Format | null => EXTENSIONS[extname(path).toLowerCase()] ?? null

/** @param delimiter what stands between the fields of a CSV file */
export function readerOf(format: Format, delimiter: string): ReadFile {
  switch (format) {
    case 'ndjson':
      return readNdjson
    case 'json':
      return readJsonArray
    case 'csv':
      return csvReader(delimiter)
  }
}
