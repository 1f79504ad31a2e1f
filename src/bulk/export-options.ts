import { delimiterOf, FORMATS, type Format, formatOf } from './files/formats.ts'
import type { CsvStyle } from './files/write.ts'
import {
  BadOptions,
  parse,
  REACH_USAGE,
  type Reach,
  reach,
  readDecimal,
  readDelimiter,
  readFormat,
  readReach,
} from './options.ts'

/** What an export is told. */
export interface ExportOptions extends Reach {
  /** Null: standard output. */
  file: string | null
  format: Format
  csv: CsvStyle
}

export const EXPORT_USAGE = `npm run --silent export -- [FILE] [options]

Writes every formula, newest first, to FILE or to standard output.

  --format FORMAT        ${FORMATS.join(', ')} (by the name of the file, else ndjson)
  --delimiter CHARACTER  between the fields of a CSV file; tab for a tab (, or a tab in .tsv)
  --decimal CHARACTER    in the concentrations of a CSV file, . or , (.)
  --bom                  begin a CSV file with a byte order mark, by which Excel knows UTF-8
  --for-spreadsheets     put ' before what a spreadsheet would take for a calculation in a CSV file
${REACH_USAGE}
`

/**
 * Reads the arguments of an export.
 * @returns null when it is asked for help
 * @throws {BadOptions}
 */
export function readExportOptions(args: string[], environment: NodeJS.ProcessEnv): ExportOptions | null {
  const { values, positionals } = parse(args, {
    ...reach,
    delimiter: { type: 'string' },
    decimal: { type: 'string' },
    bom: { type: 'boolean' },
    'for-spreadsheets': { type: 'boolean' },
  })
  if (values.help) return null
  const [file = null, ...others] = positionals
  if (others.length > 0) throw new BadOptions('Name one file to write at most')
  const format = readFormat(values.format, FORMATS) ?? formatToWrite(file)
  for (const name of ['delimiter', 'decimal', 'bom', 'for-spreadsheets'] as const) {
    if (values[name] !== undefined && format !== 'csv') throw new BadOptions(`--${name} is for CSV, not for ${format}`)
  }
  const csv = {
    delimiter: readDelimiter(values.delimiter ?? delimiterOf(file ?? '')),
    decimal: readDecimal(values.decimal),
    bom: values.bom ?? false,
    forSpreadsheets: values['for-spreadsheets'] ?? false,
  }
  return { ...readReach(values, environment), file, format, csv }
}

function formatToWrite(file: string | null): Format {
  if (file === null) return 'ndjson'
  const format = formatOf(file)
  if (format !== null) return format
  throw new BadOptions(`The name of the file tells no format: add --format ${FORMATS.join('|')}`)
}
