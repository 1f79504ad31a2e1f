import { delimiterOf, FORMATS, type Format, formatOf } from './files/formats.ts'
import type { CsvStyle } from './files/write.ts'
import {
  BadOptions,
  commonOptions,
  parse,
  readDecimal,
  readDelimiter,
  readFormat,
  readServiceOptions,
  SERVICE_USAGE,
  type ServiceOptions,
} from './options.ts'

export interface ExportOptions extends ServiceOptions {
  /** Null for standard output. */
  file: string | null
  format: Format
  csv: CsvStyle
}

export const EXPORT_USAGE = `npm run --silent export -- [FILE] [options]

Writes every formula, newest first, to FILE or to standard output.

  --format FORMAT        ${FORMATS.join(', ')} (by the name of the file, else ndjson)
  --delimiter CHARACTER  between the fields of a CSV file; tab for a tab (, or a tab in .tsv)
  --decimal CHARACTER    in the concentrations of a CSV file, . or , (.)
  --bom                  begin a CSV file with a byte order mark, so that Excel recognises UTF-8
  --for-spreadsheets     put ' before cells of a CSV file that a spreadsheet would calculate
${SERVICE_USAGE}
`

const CSV_ONLY = ['delimiter', 'decimal', 'bom', 'for-spreadsheets'] as const

/**
 * @returns null when asked for help
 * @throws {BadOptions}
 */
export function readExportOptions(args: string[], environment: NodeJS.ProcessEnv): ExportOptions | null {
  const { values, positionals } = parse(args, {
    ...commonOptions,
    bom: { type: 'boolean' },
    'for-spreadsheets': { type: 'boolean' },
  })
  if (values.help) return null
  const [file = null, ...others] = positionals
  if (others.length > 0) throw new BadOptions('Name one file to write at most')
  const format = readFormat(values.format, file === null ? 'ndjson' : formatOf(file))
  for (const name of CSV_ONLY) {
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
