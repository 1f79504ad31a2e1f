import { stringify } from 'csv-stringify/sync'
import writeExcelFile from 'write-excel-file/node'
import type { Acceptance, Formula } from '../../formula/formula.ts'
import { CannotContinue } from '../service.ts'
import type { Format } from './formats.ts'

/** A formula as the service returns it. */
export type ExportedFormula = Omit<Formula, 'metadata'> & Acceptance & { metadata?: Record<string, string> }

/** How a CSV file is written. */
export interface CsvStyle {
  delimiter: string
  decimal: '.' | ','
  /** Whether it begins with a byte order mark. */
  bom: boolean
  /** Whether cells that a spreadsheet would take for a calculation get a ' in front. */
  forSpreadsheets: boolean
}

/** Pages that are never empty. */
type Pages = AsyncIterable<ExportedFormula[]> | Iterable<ExportedFormula[]>

/** Yields the content of a file of formulas, which can be imported again. */
export async function* contentOf(format: Format, csv: CsvStyle, pages: Pages): AsyncGenerator<string | Buffer> {
  switch (format) {
    case 'ndjson':
      for await (const page of pages) yield page.map((formula) => `${JSON.stringify(formula)}\n`).join('')
      return
    case 'json':
      return yield* jsonText(pages)
    case 'csv':
      return yield* csvText(csv, pages)
    case 'xlsx':
      yield await workbookOf(pages)
  }
}

async function* jsonText(pages: Pages): AsyncGenerator<string> {
  let comma = ''
  yield '['
  for await (const page of pages) {
    yield comma + page.map((formula) => `\n${JSON.stringify(formula)}`).join()
    comma = ','
  }
  yield '\n]\n'
}

/** The columns of a table, which has one material per row. */
const COLUMNS = ['id', 'formula', 'material', 'concentration', 'createdAt', 'metadata', 'submittedBy', 'derivedFrom']

/** Metadata may be long: only the first row of a formula has it. */
function rowsOf(formula: ExportedFormula, decimal = '.'): string[][] {
  const { id, name, materials, createdAt, submittedBy = '', derivedFrom = '', metadata } = formula
  const notes = metadata === undefined ? '' : JSON.stringify(metadata)
  return materials.map((material, index) => {
    const concentration = material.concentration.replace('.', decimal)
    return [id, name, material.name, concentration, createdAt, index === 0 ? notes : '', submittedBy, derivedFrom]
  })
}

async function* csvText({ delimiter, decimal, bom, forSpreadsheets }: CsvStyle, pages: Pages): AsyncGenerator<string> {
  const text = (rows: string[][]): string => stringify(rows, { delimiter, escape_formulas: forSpreadsheets })
  yield `${bom ? '\ufeff' : ''}${text([COLUMNS])}`
  for await (const page of pages) yield text(page.flatMap((formula) => rowsOf(formula, decimal)))
}

/** The limit of the file format. */
const MAX_SHEET_ROWS = 1_048_576

/**
 * Makes a workbook of one sheet. Every cell is text: as numbers, concentrations would be rounded, and names could be
 * calculations.
 * @throws {CannotContinue} when there are more rows than a sheet holds
 */
async function workbookOf(pages: Pages): Promise<Buffer> {
  const rows = [COLUMNS]
  for await (const page of pages) {
    for (const formula of page) rows.push(...rowsOf(formula))
    if (rows.length > MAX_SHEET_ROWS) {
      throw new CannotContinue(`A sheet holds ${MAX_SHEET_ROWS} rows, and there are more: export CSV`)
    }
  }
  const cells = rows.map((row) => row.map((text) => ({ value: escaped(text), type: String })))
  return writeExcelFile(cells, { stickyRowsCount: 1, columns: COLUMNS.map(() => ({ width: 24 })) }).toBuffer()
}

/**
 * Characters that the writer would drop, and underscores that a reader may take for the beginning of an escape: also one
 * without its end, which the next escape would give it.
 */
const MISREAD = /[\p{Cc}\p{Noncharacter_Code_Point}\ufffd]|_(?=x[\dA-Fa-f]{4})/gu

/**
 * Escapes a text for a cell, with `_xHHHH_` for a UTF-16 code unit (ECMA-376, `ST_Xstring`). The writer looks texts up in an
 * object, where it finds `constructor` without having stored it: the names of inherited properties are escaped as well.
 */
function escaped(text: string): string {
  if (text in Object.prototype) return asEscapes(text.charAt(0)) + text.slice(1)
  return text.replace(MISREAD, asEscapes)
}

const asEscapes = (text: string): string =>
  text.replace(/[\s\S]/g, (unit) => `_x${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`)
