import { MATERIAL_NAME_LENGTH } from '../../formula/formula.ts'
import { checkName, nameIdentity } from '../../formula/identity.ts'
import { type TableRow, UnreadableFile } from './row.ts'

/** How a table is read. */
export interface TableOptions {
  /** The decimal character of concentrations. */
  decimal: '.' | ','
  /** From names of columns in the file, in lower case, to the columns that are read. */
  map: Map<string, Column>
  /** Whether unknown columns are skipped. */
  ignoreUnknown: boolean
  /** Whether a row without a formula belongs to the formula above it. */
  fillDown: boolean
}

/** The columns that are read. */
export const COLUMNS = ['formula', 'material', 'concentration', 'id', 'metadata'] as const
export type Column = (typeof COLUMNS)[number]

const OPTIONAL: readonly string[] = ['id', 'metadata'] satisfies Column[]
/** Exports have these columns too, whose values the service sets itself. */
const IGNORED = ['createdat', 'submittedby', 'derivedfrom']

/** The cells of a row, trimmed. */
export interface Cells extends Record<Column, string> {
  line: number
  /** What names of formulas are compared by. */
  nameKey: string
  problem: string | null
  /** Whether the row is so broken that the formula it belongs to is uncertain. */
  isUncertain: boolean
  /** All cells, unchanged. */
  raw: string[]
}

/** Maps cells to columns by the header row of a table. */
export class Columns {
  readonly #options: TableOptions
  readonly #count: number
  readonly #place: Record<Column, number>

  /** @throws {UnreadableFile} when a column is missing or unknown */
  constructor(header: string[], options: TableOptions) {
    this.#options = options
    const names = withoutEmptyEnd(header).map((name) => name.trim().toLowerCase())
    const columns = names.map((name) => options.map.get(name) ?? name)
    for (const name of options.map.keys()) {
      if (!names.includes(name)) {
        throw new UnreadableFile(`The first line has no column ${JSON.stringify(name)} (--map)`)
      }
    }
    if (!isValid(columns, options.ignoreUnknown)) throw new UnreadableFile(badHeader(names))
    this.#count = names.length
    const places = COLUMNS.map((column) => [column, columns.indexOf(column)])
    this.#place = Object.fromEntries(places) as Record<Column, number>
  }

  /** @returns null for an empty row */
  read({ line, cells, problem, certainCells = 0 }: TableRow): Cells | null {
    const cell = (column: Column) => trimmed(cells[this.#place[column]] ?? '')
    const texts = COLUMNS.map(cell) as [string, string, string, string, string]
    if (problem === null && texts.join('') === '') return null
    const [formula, material, concentration, id, metadata] = texts
    const misread = problem ?? this.#wrongLength(cells)
    const withPoint = this.#withPoint(concentration)
    return {
      line,
      formula,
      nameKey: nameIdentity(formula),
      material,
      concentration: withPoint ?? concentration,
      id,
      metadata,
      problem: misread ?? (withPoint === null ? POINT_NOT_ALLOWED : null),
      isUncertain: misread !== null && certainCells <= Math.max(this.#place.formula, this.#place.id),
      raw: cells,
    }
  }

  /** Whether cells look like a row: as many as there are columns, with a number for the concentration. */
  isLikeRow(cells: string[]): boolean {
    return this.#wrongLength(cells) === null && NUMBER.test(cells[this.#place.concentration] ?? '')
  }

  /** Spreadsheets omit empty cells at the end of a row, or add some. */
  #wrongLength(cells: string[]): string | null {
    const { formula, material, concentration } = this.#place
    const isLongEnough = cells.length > Math.max(formula, material, concentration)
    if (isLongEnough && withoutEmptyEnd(cells).length <= this.#count) return null
    return `The row has ${cells.length} fields, the first line ${this.#count}`
  }

  /** Turns a decimal comma into a point. @returns null if `--decimal ,` was given and there is a point: it may separate thousands */
  #withPoint(concentration: string): string | null {
    if (this.#options.decimal === '.') return concentration
    return concentration.includes('.') ? null : concentration.replace(',', '.')
  }
}

const NUMBER = /^[\s+\-.,eE%\d]*\d[\s+\-.,eE%\d]*$/

const POINT_NOT_ALLOWED = "With --decimal ',' a concentration must not contain a point"

function isValid(columns: string[], ignoreUnknown: boolean): boolean {
  const isOnce = (column: string) => columns.indexOf(column) === columns.lastIndexOf(column)
  const isKnown = (column: string) => [...COLUMNS, ...IGNORED].includes(column)
  return (
    COLUMNS.every((column) => isOnce(column) && (columns.includes(column) || OPTIONAL.includes(column))) &&
    (ignoreUnknown || columns.every((column) => isKnown(column) && isOnce(column)))
  )
}

const badHeader = (names: string[]): string =>
  'The first line must name the columns formula, material, concentration and optionally id and metadata; ' +
  `it has ${JSON.stringify(names.join(', ').slice(0, 200))}. If the delimiter is another one, add --delimiter. ` +
  "For other names add --map 'ingredient=material', for more columns --ignore-unknown"

const withoutEmptyEnd = (cells: string[]): string[] =>
  cells.slice(0, cells.findLastIndex((cell) => cell.trim() !== '') + 1)

/** Trimmed as the service trims names. */
const trimmed = (cell: string): string => checkName(cell, MATERIAL_NAME_LENGTH) ?? cell.trim()
