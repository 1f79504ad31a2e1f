import { resolve } from 'node:path'
import type { Corrections } from './corrections.ts'
import { COLUMNS, type Column, type TableOptions } from './files/columns.ts'
import { isEncoding } from './files/encoding.ts'
import { delimiterOf, FORMATS, type Format, formatOf, isTable, isText } from './files/formats.ts'
import {
  BadOptions,
  parse,
  REACH_USAGE,
  type Reach,
  reach,
  readDecimal,
  readDelimiter,
  readFormat,
  readInteger,
  readReach,
} from './options.ts'

/** What an import is told. */
export interface ImportOptions extends Reach {
  file: string
  format: Format
  delimiter: string
  table: TableOptions
  /** Null: UTF-8, unless the file begins like one in UTF-16. */
  encoding: string | null
  corrections: Corrections
  concurrency: number
  report: string | null
  dryRun: boolean
}

export const IMPORT_USAGE = `npm run import -- FILE [options]

FILE is NDJSON, a JSON array, or a table with one material a row: CSV or .xlsx. - is standard input.

  --dry-run              read and check everything, send nothing
  --report FILE          write what is not added there, with line numbers, one JSON object a line
  --concurrency N        lists under way at once, 1 to 64 (8)

How the file is read:
  --format FORMAT        ${FORMATS.join(', ')} (by the name of the file)
  --encoding NAME        such as windows-1252 (utf-8; utf-16 is recognised)
  --delimiter CHARACTER  between the fields of a CSV file; tab for a tab (, or a tab in .tsv)
  --decimal ,            concentrations of a table have a decimal comma
  --map NAME=COLUMN      a column of a table stands for ${COLUMNS.join(', ')}; may be given often
  --ignore-unknown       pass over other columns of a table
  --fill-down            a row of a table without a formula belongs to the formula above it

What is changed in formulas:
  --round N              round concentrations to N digits after the point, 0 to 12, half up
  --sum-repeated         add up the concentrations of a material that a formula has twice

The service:
${REACH_USAGE}
`

const options = {
  ...reach,
  'dry-run': { type: 'boolean', default: false },
  report: { type: 'string' },
  concurrency: { type: 'string', default: '8' },
  encoding: { type: 'string' },
  delimiter: { type: 'string' },
  decimal: { type: 'string' },
  map: { type: 'string', multiple: true },
  'ignore-unknown': { type: 'boolean' },
  'fill-down': { type: 'boolean' },
  round: { type: 'string' },
  'sum-repeated': { type: 'boolean', default: false },
} as const

/** What has no meaning for a file that is no table, or no text. */
const TABLE_ONLY = ['delimiter', 'decimal', 'map', 'ignore-unknown', 'fill-down'] as const
const TEXT_ONLY = ['encoding', 'delimiter'] as const

/**
 * Reads the arguments of an import.
 * @returns null when it is asked for help
 * @throws {BadOptions}
 */
export function readImportOptions(args: string[], environment: NodeJS.ProcessEnv): ImportOptions | null {
  const { values, positionals } = parse(args, options)
  if (values.help) return null
  const [file, ...others] = positionals
  if (file === undefined || others.length > 0) throw new BadOptions('Name one file to import, or - for standard input')
  const format = readFormat(values.format, FORMATS) ?? formatOf(file)
  if (format === null) throw new BadOptions(`The name of the file tells no format: add --format ${FORMATS.join('|')}`)
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
    ...readReach(values, environment),
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
  for (const pair of pairs.flatMap(split)) {
    const at = pair.lastIndexOf('=')
    const name = pair.slice(0, at).trim().toLowerCase()
    const column = COLUMNS.find(
      (known) =>
        known ===
        pair
          .slice(at + 1)
          .trim()
          .toLowerCase(),
    )
    if (at < 0 || name === '' || column === undefined) {
      throw new BadOptions(`--map must be NAME=COLUMN, COLUMN one of ${COLUMNS.join(', ')}`)
    }
    map.set(name, column)
  }
  return map
}

/** A comma may be part of a column's name: it is one between pairs where a pair is on both sides. */
const split = (pairs: string): string[] => pairs.split(new RegExp(`(?<==\\s*(?:${COLUMNS.join('|')})\\s*),`, 'i'))
