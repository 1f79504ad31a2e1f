import { nameIdentity } from '../../formula/identity.ts'
import type { Cells, Columns } from './columns.ts'
import type { TableRow } from './table-row.ts'

/** More rows than any formula may have, even when repeated materials are added up. */
const MOST_ROWS = 5_000

/** Most rows that are remembered because nobody knows whose they are. */
const MOST_UNSURE = 1_000

/** Rows that stand together and are of one formula: all of it, or a part that stands apart from the others. */
export interface Block {
  id: string
  name: string
  /** What the name is compared by. */
  nameKey: string
  firstLine: number
  lastLine: number
  materials: { name: string; concentration: string }[]
  materialLines: number[]
  /** Why it is refused already, and where that shows. */
  problem: { line: number; message: string } | null
}

const NO_NAME =
  'The row names no formula. Name it in each row, or add --fill-down where a name stands for the rows below it too'
const OTHER_NAME = 'Rows of one id have different formula names'
const TOO_LONG = `The formula has more than ${MOST_ROWS} rows`

/**
 * Puts rows of one material each together to blocks. Rows are of one formula when they have the same id, or, without
 * one, the same name. A row that cannot be read for sure spoils each formula beside it that it may be of.
 */
export class FormulaBlocks {
  readonly #columns: Columns
  readonly #fillDown: boolean
  #open: Block | null = null
  /** Rows since the open block began, or before it, of which nobody knows for sure whose they are. */
  #unsure: Cells[] = []
  #nameKey = { name: '', key: '' }

  constructor(columns: Columns, fillDown: boolean) {
    this.#columns = columns
    this.#fillDown = fillDown
  }

  /** @returns the blocks that this row completes */
  add(row: TableRow): Block[] {
    const cells = this.#columns.read(row)
    if (cells === null) return []
    const nameKey = this.#keyOf(cells.formula)
    if (cells.isUnsure) this.#remember(cells)
    if (this.#open !== null && this.#belongs(cells, nameKey, this.#open)) {
      this.#extend(this.#open, cells, nameKey)
      return []
    }
    if (cells.isUnsure) {
      if (this.#open !== null) spoil(this.#open, [cells])
      return [beginBlock(cells, nameKey)]
    }
    const closed = this.close()
    this.#open = beginBlock(cells, nameKey)
    spoil(this.#open, this.#unsure)
    this.#unsure = []
    if (!this.#isTitle(cells)) addMaterial(this.#open, cells)
    return closed
  }

  /** @returns the block whose rows came last */
  close(): Block[] {
    const open = this.#open
    this.#open = null
    return open === null ? [] : [open]
  }

  #keyOf(name: string): string {
    if (name !== this.#nameKey.name) this.#nameKey = { name, key: nameIdentity(name) }
    return this.#nameKey.key
  }

  #remember(cells: Cells): void {
    // So many that they may be of any formula.
    if (this.#unsure.length === MOST_UNSURE) this.#unsure = [{ ...cells, raw: [] }]
    else this.#unsure.push(cells)
  }

  #belongs({ id, formula }: Cells, nameKey: string, open: Block): boolean {
    if (id !== '') return id === open.id
    return formula === '' || (nameKey === open.nameKey && (open.id === '' || this.#fillDown))
  }

  #extend(open: Block, cells: Cells, nameKey: string): void {
    const { line, formula } = cells
    const message = cells.problem ?? this.#nameProblem(open, formula, nameKey)
    if (message !== null) open.problem ??= { line, message }
    open.lastLine = line
    addMaterial(open, cells)
  }

  #nameProblem(open: Block, name: string, nameKey: string): string | null {
    if (name === '') return this.#fillDown ? null : NO_NAME
    if (nameKey !== open.nameKey) return OTHER_NAME
    if (name === open.name) return null
    return (
      `Rows of one formula spell its name ${JSON.stringify(open.name)} and ${JSON.stringify(name)}. ` +
      'Spell it in one way, or give each formula an id of its own'
    )
  }

  /** A name above the rows that are filled down. */
  #isTitle({ material, concentration }: Cells): boolean {
    return this.#fillDown && material + concentration === ''
  }
}

function beginBlock({ line, id, formula, problem }: Cells, nameKey: string): Block {
  const message = problem ?? (formula === '' ? NO_NAME : null)
  return {
    id,
    name: formula,
    nameKey,
    firstLine: line,
    lastLine: line,
    materials: [],
    materialLines: [],
    problem: message === null ? null : { line, message },
  }
}

function addMaterial(block: Block, { line, material, concentration }: Cells): void {
  if (block.materials.length === MOST_ROWS) {
    block.problem ??= { line, message: TOO_LONG }
  } else {
    block.materials.push({ name: material, concentration })
    block.materialLines.push(line)
  }
}

/** Refuses a block that one of these rows may be of. */
function spoil(block: Block, rows: Cells[]): void {
  const row = rows.find((each) => mayBeOf(each, block))
  if (row !== undefined) block.problem ??= { line: row.line, message: row.problem as string }
}

/** Whether a row that cannot be read for sure holds the name of a formula, and its id where it has one. */
function mayBeOf({ raw }: Cells, { id, name }: Block): boolean {
  const text = raw.join(' ')
  if (text.trim() === '') return true
  const words = text.includes('\ufffd') ? asciiWords : anyWords
  const inRow = ` ${words(text)} `
  return [name, id].every((part) => words(part) === '' || inRow.includes(` ${words(part)} `))
}

const anyWords = (text: string): string =>
  nameIdentity(text)
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()

/** Leaves out what other encodings garble. */
const asciiWords = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\x20-\x7e]+/g, '')
    .replace(/[^a-z0-9]+/g, ' ')
    .trim()
