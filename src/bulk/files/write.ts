import { stringify } from 'csv-stringify/sync'
import type { Format } from './formats.ts'

/** A formula as the service gives it. */
export interface ExportedFormula {
  id: string
  name: string
  materials: { name: string; concentration: string }[]
  createdAt: string
}

/** How a CSV file is written. */
export interface CsvStyle {
  delimiter: string
  decimal: '.' | ','
  /** Whether it begins with a byte order mark. */
  bom: boolean
  /** Whether what a spreadsheet would take for a calculation has a ' before it. */
  forSpreadsheets: boolean
}

/** The text of a file of formulas, in parts. */
export interface FileText {
  head: string
  /** @param isFirst whether no formula stands before these */
  formulas: (formulas: ExportedFormula[], isFirst: boolean) => string
  foot: string
}

/** The columns of a table, one material a row. */
export const COLUMNS = ['id', 'formula', 'material', 'concentration', 'createdAt']

export const rowsOf = ({ id, name, materials, createdAt }: ExportedFormula): string[][] =>
  materials.map((material) => [id, name, material.name, material.concentration, createdAt])

/** How a file of this format is written. It can be imported again. */
export function textOf(format: Exclude<Format, 'xlsx'>, csv: CsvStyle): FileText {
  switch (format) {
    case 'ndjson':
      return {
        head: '',
        formulas: (formulas) => formulas.map((each) => `${JSON.stringify(each)}\n`).join(''),
        foot: '',
      }
    case 'json':
      return { head: '[', formulas: members, foot: '\n]\n' }
    case 'csv':
      return csvText(csv)
  }
}

const members = (formulas: ExportedFormula[], isFirst: boolean): string =>
  formulas.map((each, index) => `${isFirst && index === 0 ? '' : ','}\n${JSON.stringify(each)}`).join('')

function csvText({ delimiter, decimal, bom, forSpreadsheets }: CsvStyle): FileText {
  const text = (rows: string[][]): string => stringify(rows, { delimiter, escape_formulas: forSpreadsheets })
  const withDecimal = ([id, name, material, concentration = '', createdAt]: string[]) =>
    [id, name, material, concentration.replace('.', decimal), createdAt] as string[]
  return {
    head: `${bom ? '\ufeff' : ''}${text([COLUMNS])}`,
    formulas: (formulas) => text(formulas.flatMap(rowsOf).map(withDecimal)),
    foot: '',
  }
}
