import { checkName, MATERIAL_NAME_LENGTH } from '../../formula/name.ts'
import { UnreadableFile } from './row.ts'
import type { TableRow } from './table-row.ts'

/** How a table is to be read. */
export interface TableOptions {
  /** What stands before the decimals of a concentration. */
  decimal: '.' | ','
  /** What columns of the file stand for, by their names in lower case. */
  map: Map<string, Column>
  /** Whether other columns are passed over. */
  ignoreUnknown: boolean
  /** Whether a row without a formula belongs to the formula above it. */
  fillDown: boolean
}

/** The columns that are read. */
export const COLUMNS = ['formula', 'material', 'concentration', 'id'] as const
export type Column = (typeof COLUMNS)[number]

/** A file may do without this one. */
const OPTIONAL: Column = 'id'
/** An export has it; the service gives its own. */
const PASSED_OVER = 'createdat'

/** What a row says, trimmed. */
export interface Cells extends Record<Column, string> {
  line: number
  problem: string | null
  /** Whether it may be a row of another formula. */
  isUnsure: boolean
  /** All its cells as they stand. */
  raw: string[]
}

/** Knows where a table has its columns: its first row names them. */
export class Columns {
  readonly #options: TableOptions
  readonly #count: number
  readonly #place: Record<Column, number>

  /** @throws {UnreadableFile} when a column is missing, or nobody knows what it is for */
  constructor(header: string[], options: TableOptions) {
    this.#options = options
    const names = withoutEmptyEnd(header).map((name) => name.trim().toLowerCase())
    const columns = names.map((name) => options.map.get(name) ?? name)
    for (const name of options.map.keys()) {
      if (!names.includes(name))
        throw new UnreadableFile(`The first line has no column ${JSON.stringify(name)} (--map)`)
    }
    const place = (column: Column) => columns.indexOf(column)
    if (!isComplete(columns, options.ignoreUnknown)) throw new UnreadableFile(unlike(names))
    this.#count = names.length
    this.#place = {
      formula: place('formula'),
      material: place('material'),
      concentration: place('concentration'),
      id: place('id'),
    }
  }

  /** Whether the file tells formulas apart by an id. */
  get hasId(): boolean {
    return this.#place.id >= 0
  }

  /** @returns null for a row that says nothing */
  read({ line, cells, problem, sureCells = 0 }: TableRow): Cells | null {
    const cell = (column: Column) => tidied(cells[this.#place[column]] ?? '')
    const [formula, material, concentration, id] = COLUMNS.map(cell) as [string, string, string, string]
    if (problem === null && formula + material + concentration + id === '') return null
    const misread = problem ?? this.#miscount(cells)
    const inPoints = this.#inPoints(concentration)
    return {
      line,
      formula,
      material,
      concentration: inPoints ?? concentration,
      id,
      problem: misread ?? (inPoints === null ? POINT_BESIDE_COMMA : null),
      isUnsure: misread !== null && sureCells <= Math.max(this.#place.formula, this.#place.id),
      raw: cells,
    }
  }

  /** Whether cells are as those of a row with a concentration. */
  isLikeRow(cells: string[]): boolean {
    return this.#miscount(cells) === null && NUMBER.test(cells[this.#place.concentration] ?? '')
  }

  /** Spreadsheets leave out empty cells at the end of a row, or add some. */
  #miscount(cells: string[]): string | null {
    const { formula, material, concentration } = this.#place
    const isFull = cells.length > Math.max(formula, material, concentration)
    if (isFull && withoutEmptyEnd(cells).length <= this.#count) return null
    return `The row has ${cells.length} fields, the first line ${this.#count}`
  }

  /** @returns null when it has a point, which may stand for thousands */
  #inPoints(concentration: string): string | null {
    if (this.#options.decimal === '.') return concentration
    return concentration.includes('.') ? null : concentration.replace(',', '.')
  }
}

const NUMBER = /^[\s+\-.,eE%\d]*\d[\s+\-.,eE%\d]*$/

const POINT_BESIDE_COMMA = "With --decimal ',' a concentration has no point"

function isComplete(columns: string[], ignoreUnknown: boolean): boolean {
  const isOnce = (column: string) => columns.indexOf(column) === columns.lastIndexOf(column)
  const isKnown = (column: string) => column === PASSED_OVER || COLUMNS.some((known) => known === column)
  return (
    COLUMNS.every((column) => isOnce(column) && (columns.includes(column) || column === OPTIONAL)) &&
    (ignoreUnknown || columns.every((column) => isKnown(column) && isOnce(column)))
  )
}

const unlike = (names: string[]): string =>
  'The first line must name the columns formula, material, concentration and, if you like, id; ' +
  `it has ${JSON.stringify(names.join(', ').slice(0, 200))}. Is the delimiter another one? See --delimiter. ` +
  "For other names there is --map 'ingredient=material', for more columns --ignore-unknown"

function withoutEmptyEnd(cells: string[]): string[] {
  const last = cells.findLastIndex((cell) => cell.trim() !== '')
  return cells.slice(0, last + 1)
}

/** Trimmed as the service trims names. */
const tidied = (cell: string): string => checkName(cell, MATERIAL_NAME_LENGTH) ?? cell.trim()
