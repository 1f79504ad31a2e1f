import { resolve } from 'node:path'
import type { Corrections } from './corrections.ts'
import { COLUMNS, type Column, type TableOptions } from './files/columns.ts'
import { isEncoding } from './files/encoding.ts'
import { delimiterOf, FORMATS, type Format, formatOf, isTable, isText } from './files/formats.ts'
import {
  BadOptions,
  commonOptions,
  parse,
  readDecimal,
  readDelimiter,
  readFormat,
  readInteger,
  readServiceOptions,
  SERVICE_USAGE,
  type ServiceOptions,
} from './options.ts'

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
${SERVICE_USAGE}
`

const options = {
  ...commonOptions,
  'dry-run': { type: 'boolean', default: false },
  report: { type: 'string' },
  concurrency: { type: 'string', default: '8' },
  encoding: { type: 'string' },
  map: { type: 'string', multiple: true },
  'ignore-unknown': { type: 'boolean' },
  'fill-down': { type: 'boolean' },
  round: { type: 'string' },
  'sum-repeated': { type: 'boolean', default: false },
} as const

const TABLE_ONLY = ['delimiter', 'decimal', 'map', 'ignore-unknown', 'fill-down'] as const
const TEXT_ONLY = ['encoding', 'delimiter'] as const

/**
 * @returns null when asked for help
 * @throws {BadOptions}
 */
export function readImportOptions(args: string[], environment: NodeJS.ProcessEnv): ImportOptions | null {
  const { values, positionals } = parse(args, options)
  if (values.help) return null
  const [file, ...others] = positionals
  if (file === undefined || others.length > 0) throw new BadOptions('Name one file to import, or - for standard input')
  const format = readFormat(values.format, formatOf(file))
  const useless = [...(isTable(format) ? [] : TABLE_ONLY), ...(isText(format) ? [] : TEXT_ONLY)]
  for (const name of useless) {
    if (values[name] !== undefined) throw new BadOptions(`--${name} is not for ${format} files`)
  }
  const { report = null, encoding = null, round } = values
  if (report !== null && resolve(report) === resolve(file)) throw new BadOptions('--report must name another file')
  if (encoding !== null && !isEncoding(encoding)) {
    throw new BadOptions('--encoding must be one such as utf-8, utf-16le, utf-16be or windows-1252')
  }
  return {
    ...readServiceOptions(values, environment),
    file,
    format,
    delimiter: readDelimiter(values.delimiter ?? delimiterOf(file)),
    table: {
      decimal: readDecimal(values.decimal),
      map: readMap(values.map ?? []),
      ignoreUnknown: values['ignore-unknown'] === true,
      fillDown: values['fill-down'] === true,
    },
    encoding,
    corrections: {
      round: round === undefined ? null : readInteger('--round', round, 0, 12),
      sumRepeated: values['sum-repeated'],
    },
    concurrency: readInteger('--concurrency', values.concurrency, 1, 64),
    report,
    dryRun: values['dry-run'],
  }
}

/** @param pairs such as `ingredient=material`, or several with commas between */
function readMap(pairs: string[]): Map<string, Column> {
  const map = new Map<string, Column>()
  for (const pair of pairs.flatMap(splitPairs)) {
    const at = pair.lastIndexOf('=')
    const name = pair.slice(0, at).trim().toLowerCase()
    const target = pair.slice(at + 1).trim()
    const column = COLUMNS.find((known) => known === target.toLowerCase())
    if (at < 0 || name === '' || column === undefined) {
      throw new BadOptions(`--map must be NAME=COLUMN, COLUMN one of ${COLUMNS.join(', ')}`)
    }
    map.set(name, column)
  }
  return map
}

/** Splits at commas behind a complete pair only, because a name may contain a comma. */
const splitPairs = (pairs: string): string[] => pairs.split(new RegExp(`(?<==\\s*(?:${COLUMNS.join('|')})\\s*),`, 'i'))
