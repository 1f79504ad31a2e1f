import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ParseArgsConfig, parseArgs, TextDecoder } from 'node:util'
import { isFingerprint } from '../formula/identity.ts'
import { reasonOf } from '../kit/reason.ts'
import type { Corrections } from './corrections.ts'
import { COLUMNS, type Column, type TableOptions } from './files/columns.ts'
import { delimiterOf, FORMATS, type Format, formatOf } from './files/formats.ts'
import type { CsvStyle } from './files/write.ts'

/** How to reach the service. */
export interface ServiceOptions {
  url: URL
  apiKey: string | null
  /** Infinity for never. */
  giveUpAfterMs: number
}

export interface ImportOptions extends ServiceOptions {
  file: string
  format: Format
  delimiter: string
  table: TableOptions
  /** Null for UTF-8, or for UTF-16 where it is recognised. */
  encoding: string | null
  corrections: Corrections
  concurrency: number
  report: string | null
  dryRun: boolean
}

export interface ExportOptions extends ServiceOptions {
  /** Null for standard output. */
  file: string | null
  format: Format
  csv: CsvStyle
}

interface EraseOptions extends ServiceOptions {
  ids: string[]
}

/** Options that cannot be used; the message is for the user. */
export class BadOptions extends Error {}

const SERVICE_USAGE = `  --url URL              the service (http://127.0.0.1:3000)
  --key-file FILE        file with the API key (default: the environment variable API_KEY, if set)
  --give-up-after N      seconds to wait for a service that does not answer (for ever)
  --help`

export const IMPORT_USAGE = `npm run import -- FILE [options]

FILE is NDJSON, a JSON array, or a table with one material per row: CSV or .xlsx. - is standard input.

  --dry-run              read and check everything, send nothing
  --report FILE          write the formulas that are not added to FILE, one JSON object per line
  --concurrency N        lists that are sent at a time, 1 to 64 (8)

How the file is read:
  --format FORMAT        ${FORMATS.join(', ')} (by the name of the file)
  --encoding NAME        such as windows-1252 (utf-8; utf-16 is recognised)
  --delimiter CHARACTER  between the fields of a CSV file; tab for a tab (, or a tab in .tsv)
  --decimal ,            concentrations of a table have a decimal comma
  --map NAME=COLUMN      read a column of a table as ${COLUMNS.join(', ')}; may be repeated
  --ignore-unknown       skip other columns of a table
  --fill-down            a row of a table without a formula belongs to the formula above it

What is changed in formulas:
  --round N              round concentrations to N digits after the point, 0 to 12, half up
  --sum-repeated         add up the concentrations of a material that a formula has twice

The service:
${SERVICE_USAGE}`

export const EXPORT_USAGE = `npm run --silent export -- [FILE] [options]

Writes every formula, newest first, to FILE or to standard output.

  --format FORMAT        ${FORMATS.join(', ')} (by the name of the file, else ndjson)
  --delimiter CHARACTER  between the fields of a CSV file; tab for a tab (, or a tab in .tsv)
  --decimal CHARACTER    in the concentrations of a CSV file, . or , (.)
  --bom                  begin a CSV file with a byte order mark, so that Excel recognises UTF-8
  --for-spreadsheets     put ' before cells of a CSV file that a spreadsheet would calculate
${SERVICE_USAGE}`

export const ERASE_USAGE = `npm run erase -- ID... [options]

Erases formulas for good. Their ids are arguments, or the lines of a file.

  --file FILE            read ids from FILE, one per line; - is standard input
${SERVICE_USAGE}`

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const serviceOptions = { url: text, 'key-file': text, 'give-up-after': text }
const formatOptions = { format: text, delimiter: text, decimal: text }
const exportOptions = { ...serviceOptions, ...formatOptions, bom: flag, 'for-spreadsheets': flag }
const importOptions = {
  ...serviceOptions,
  ...formatOptions,
  'dry-run': flag,
  report: text,
  concurrency: text,
  encoding: text,
  map: { type: 'string', multiple: true },
  'ignore-unknown': flag,
  'fill-down': flag,
  round: text,
  'sum-repeated': flag,
} as const

const TABLE_ONLY = ['delimiter', 'decimal', 'map', 'ignore-unknown', 'fill-down'] as const

/** The options that have no effect on an import of this format. */
const WITHOUT_EFFECT: Record<Format, readonly (keyof typeof importOptions)[]> = {
  ndjson: TABLE_ONLY,
  json: TABLE_ONLY,
  csv: [],
  xlsx: ['encoding', 'delimiter'],
}

/** @throws {BadOptions} */
export function readImportOptions(args: string[], environment: NodeJS.ProcessEnv): ImportOptions {
  const { values, positionals } = parse(args, importOptions)
  const [file, ...others] = positionals
  if (file === undefined || others.length > 0) throw new BadOptions('Name one file to import, or - for standard input')
  const format = readFormat(values.format, formatOf(file))
  const useless = WITHOUT_EFFECT[format].find((name) => values[name] !== undefined)
  if (useless !== undefined) throw new BadOptions(`--${useless} is not for ${format} files`)
  const { report = null, round, concurrency = '8' } = values
  if (report !== null && resolve(report) === resolve(file)) throw new BadOptions('--report must name another file')
  return {
    ...readServiceOptions(values, environment),
    file,
    format,
    delimiter: readDelimiter(values.delimiter ?? delimiterOf(file)),
    table: {
      decimal: readDecimal(values.decimal),
      map: readMap(values.map ?? []),
      ignoreUnknown: values['ignore-unknown'] ?? false,
      fillDown: values['fill-down'] ?? false,
    },
    encoding: readEncoding(values.encoding),
    corrections: {
      round: round === undefined ? null : readInteger('--round', round, 0, 12),
      sumRepeated: values['sum-repeated'] ?? false,
    },
    concurrency: readInteger('--concurrency', concurrency, 1, 64),
    report,
    dryRun: values['dry-run'] ?? false,
  }
}

/** @throws {BadOptions} */
export function readExportOptions(args: string[], environment: NodeJS.ProcessEnv): ExportOptions {
  const { values, positionals } = parse(args, exportOptions)
  const [file = null, ...others] = positionals
  if (others.length > 0) throw new BadOptions('Name one file to write at most')
  const format = readFormat(values.format, file === null ? 'ndjson' : formatOf(file))
  for (const name of ['delimiter', 'decimal', 'bom', 'for-spreadsheets'] as const) {
    if (values[name] !== undefined && format !== 'csv') throw new BadOptions(`--${name} is for CSV, not for ${format}`)
  }
  const csv = {
    delimiter: readDelimiter(values.delimiter ?? delimiterOf(file ?? '')),
    decimal: readDecimal(values.decimal),
    bom: values.bom ?? false,
    forSpreadsheets: values['for-spreadsheets'] ?? false,
  }
  return { ...readServiceOptions(values, environment), file, format, csv }
}

/** @throws {BadOptions} */
export function readEraseOptions(args: string[], environment: NodeJS.ProcessEnv): EraseOptions {
  const { values, positionals } = parse(args, { ...serviceOptions, file: text })
  const ids = [...positionals, ...(values.file === undefined ? [] : readIds(values.file))]
  if (ids.length === 0) throw new BadOptions('Name the ids of the formulas to erase, or a --file of them')
  const wrong = ids.find((id) => !isFingerprint(id))
  if (wrong !== undefined) throw new BadOptions(`This is not the id of a formula: ${wrong}`)
  return { ...readServiceOptions(values, environment), ids: [...new Set(ids)] }
}

function readIds(file: string): string[] {
  try {
    const lines = readFileSync(file === '-' ? 0 : file, 'utf8').split('\n')
    return lines.map((line) => line.trim()).filter((line) => line !== '')
  } catch (error) {
    throw new BadOptions(`The file of ids cannot be read: ${reasonOf(error)}`)
  }
}

function parse<const O extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: O) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new BadOptions(reasonOf(error))
  }
}

type ServiceValues = { [name in 'url' | 'key-file' | 'give-up-after']?: string | undefined }

function readServiceOptions(values: ServiceValues, environment: NodeJS.ProcessEnv): ServiceOptions {
  const { url = 'http://127.0.0.1:3000', 'key-file': keyFile, 'give-up-after': giveUpAfter } = values
  const seconds = giveUpAfter === undefined ? Infinity : readInteger('--give-up-after', giveUpAfter, 0, 31_536_000)
  return { url: readUrl(url), apiKey: readKey(keyFile, environment), giveUpAfterMs: seconds * 1000 }
}

function readUrl(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash) return url
  throw new BadOptions('--url must be an http or https URL')
}

function readKey(file: string | undefined, environment: NodeJS.ProcessEnv): string | null {
  let key = environment.API_KEY
  try {
    if (file !== undefined) key = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new BadOptions(`The key file cannot be read: ${reasonOf(error)}`)
  }
  if (!key) return null
  if (/^[\x21-\x7e]+$/.test(key)) return key
  throw new BadOptions('The API key must be a single word')
}

/** @param fromName the format that the file name implies; null if it implies none */
function readFormat(text: string | undefined, fromName: Format | null): Format {
  const format = text === undefined ? fromName : FORMATS.find((known) => known === text)
  if (format === undefined) throw new BadOptions(`--format must be one of ${FORMATS.join(', ')}`)
  if (format === null) throw new BadOptions(`The file name does not imply a format: add --format ${FORMATS.join('|')}`)
  return format
}

function readDelimiter(text: string): string {
  if (text === '\\t' || text.toLowerCase() === 'tab') return '\t'
  if (Buffer.byteLength(text) === 1 && !'"\r\n'.includes(text)) return text
  throw new BadOptions('--delimiter must be one ASCII character and no quote, or tab')
}

function readEncoding(name: string | undefined): string | null {
  try {
    return name === undefined ? null : new TextDecoder(name).encoding
  } catch {
    throw new BadOptions('--encoding must be one such as utf-8, utf-16le, utf-16be or windows-1252')
  }
}

function readDecimal(text = '.'): '.' | ',' {
  if (text === '.' || text === ',') return text
  throw new BadOptions('--decimal must be . or ,')
}

function readInteger(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (value >= min && value <= max) return value
  throw new BadOptions(`${name} must be an integer from ${min} to ${max}`)
}

/** @param pairs such as `ingredient=material`, or several with commas between */
function readMap(pairs: string[]): Map<string, Column> {
  const columns = COLUMNS.join('|')
  // Split at commas behind a complete pair only, because a name may contain a comma.
  const single = pairs.flatMap((pair) => pair.split(new RegExp(`(?<==\\s*(?:${columns})\\s*),`, 'i')))
  const PAIR = new RegExp(`^\\s*(\\S.*?)\\s*=\\s*(${columns})\\s*$`, 's')
  return new Map(
    single.map((pair) => {
      const [, name, column] = PAIR.exec(pair.toLowerCase()) ?? []
      if (name === undefined) throw new BadOptions(`--map must be NAME=COLUMN, COLUMN one of ${COLUMNS.join(', ')}`)
      return [name, column as Column]
    }),
  )
}
