import { nameIdentity } from '../../formula/identity.ts'
import type { Cells, Columns } from './columns.ts'
import type { TableRow } from './table-formulas.ts'

/** More rows than any formula may have, even when repeated materials are summed. */
const MAX_ROWS = 5_000
/** Most uncertain rows that are kept. */
const MAX_UNCERTAIN = 1_000

/** Consecutive rows of one formula. Unless more of its rows are elsewhere in the file, it is the whole formula. */
export interface Block {
  id: string
  name: string
  /** What names are compared by. */
  nameKey: string
  firstLine: number
  lastLine: number
  materials: { name: string; concentration: string }[]
  materialLines: number[]
  /** The first reason to refuse it. */
  problem: { line: number; message: string } | null
}

const NO_NAME =
  'The row names no formula. Name it in each row, or add --fill-down where a name stands for the rows below it too'
const OTHER_NAME = 'Rows of one id have different formula names'
const TOO_LONG = `The formula has more than ${MAX_ROWS} rows`

/**
 * Groups rows of one material each into blocks. Rows belong together when they have the same id or, without one, the same
 * name. An uncertain row, whose formula cannot be read, invalidates each adjacent formula that it may belong to.
 */
export class FormulaBlocks {
  readonly #columns: Columns
  readonly #fillDown: boolean
  #current: Block | null = null
  /** Uncertain rows since the current block began, or just before it. */
  #uncertain: Cells[] = []
  #lastKey = { name: '', key: '' }

  constructor(columns: Columns, fillDown: boolean) {
    this.#columns = columns
    this.#fillDown = fillDown
  }

  /** @returns the blocks that this row completes */
  add(row: TableRow): Block[] {
    const cells = this.#columns.read(row)
    if (cells === null) return []
    const nameKey = this.#keyOf(cells.formula)
    if (cells.isUncertain) this.#remember(cells)
    if (this.#current !== null && this.#belongs(cells, nameKey, this.#current)) {
      this.#extend(this.#current, cells, nameKey)
      return []
    }
    if (cells.isUncertain) {
      if (this.#current !== null) invalidate(this.#current, [cells])
      return [newBlock(cells, nameKey)]
    }
    const completed = this.close()
    this.#current = newBlock(cells, nameKey)
    invalidate(this.#current, this.#uncertain)
    this.#uncertain = []
    const isTitle = this.#fillDown && cells.material + cells.concentration === ''
    if (!isTitle) addMaterial(this.#current, cells)
    return completed
  }

  /** @returns the last block */
  close(): Block[] {
    const block = this.#current
    this.#current = null
    return block === null ? [] : [block]
  }

  #keyOf(name: string): string {
    if (name !== this.#lastKey.name) this.#lastKey = { name, key: nameIdentity(name) }
    return this.#lastKey.key
  }

  #remember(cells: Cells): void {
    // Past the limit, replace them by one row without text, which may belong to any formula.
    if (this.#uncertain.length === MAX_UNCERTAIN) this.#uncertain = [{ ...cells, raw: [] }]
    else this.#uncertain.push(cells)
  }

  #belongs({ id, formula }: Cells, nameKey: string, block: Block): boolean {
    if (id !== '') return id === block.id
    return formula === '' || (nameKey === block.nameKey && (block.id === '' || this.#fillDown))
  }

  #extend(block: Block, cells: Cells, nameKey: string): void {
    const { line, formula } = cells
    const message = cells.problem ?? this.#nameProblem(block, formula, nameKey)
    if (message !== null) block.problem ??= { line, message }
    block.lastLine = line
    addMaterial(block, cells)
  }

  #nameProblem(block: Block, name: string, nameKey: string): string | null {
    if (name === '') return this.#fillDown ? null : NO_NAME
    if (nameKey !== block.nameKey) return OTHER_NAME
    if (name === block.name) return null
    return (
      `Rows of one formula spell its name ${JSON.stringify(block.name)} and ${JSON.stringify(name)}. ` +
      'Spell it in one way, or give each formula an id of its own'
    )
  }
}

function newBlock({ line, id, formula, problem }: Cells, nameKey: string): Block {
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
  if (block.materials.length === MAX_ROWS) {
    block.problem ??= { line, message: TOO_LONG }
  } else {
    block.materials.push({ name: material, concentration })
    block.materialLines.push(line)
  }
}

/** Refuses a block that one of these uncertain rows may belong to. */
function invalidate(block: Block, rows: Cells[]): void {
  const row = rows.find((each) => mayBelong(each, block))
  if (row !== undefined) block.problem ??= { line: row.line, message: row.problem as string }
}

/** Whether an uncertain row contains the name of a formula, and its id if it has one. A row without text may belong to any. */
function mayBelong({ raw }: Cells, { id, name }: Block): boolean {
  const text = raw.join(' ')
  if (text.trim() === '') return true
  const words = text.includes('\ufffd') ? asciiWords : allWords
  const inRow = ` ${words(text)} `
  return [name, id].every((part) => words(part) === '' || inRow.includes(` ${words(part)} `))
}

const allWords = (text: string): string =>
  nameIdentity(text)
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()

/** Without the characters that a wrong encoding garbles. */
const asciiWords = (text: string): string => {
  const ascii = text.toLowerCase().replace(/[^\x20-\x7e]+/g, '')
  return ascii.replace(/[^a-z0-9]+/g, ' ').trim()
}
