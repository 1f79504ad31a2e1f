import { stringify } from 'csv-stringify/sync'
import type { Format } from './formats.ts'

/** A formula as the service gives it. */
export interface ExportedFormula {
  id: string
  name: string
  materials: { name: string; concentration: string }[]
  createdAt: string
}

/** The text of a file of formulas, in parts. */
export interface FileText {
  head: string
  /** @param isFirst whether no formula stands before these */
  formulas: (formulas: ExportedFormula[], isFirst: boolean) => string
  foot: string
}

/** How a file of this format is written. It can be imported again. */
export function textOf(format: Format): FileText {
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
      return { head: 'id,formula,material,concentration,createdAt\n', formulas: rows, foot: '' }
  }
}

const members = (formulas: ExportedFormula[], isFirst: boolean): string =>
  formulas.map((each, index) => `${isFirst && index === 0 ? '' : ','}\n${JSON.stringify(each)}`).join('')

const rows = (formulas: ExportedFormula[]): string =>
  stringify(
    formulas.flatMap(({ id, name, materials, createdAt }) =>
      materials.map((material) => [id, name, material.name, material.concentration, createdAt]),
    ),
  )
