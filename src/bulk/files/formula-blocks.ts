import type { Material } from '../../formula/formula.ts'
import { nameIdentity } from '../../formula/identity.ts'
import type { Cells } from './columns.ts'

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
  materials: Material[]
  materialLines: number[]
  /** As it stands in the file; empty when no row has any. */
  metadata: string
  /** The first reason to refuse it. */
  problem: { line: number; message: string } | null
}

const NO_NAME =
  'The row names no formula. Name it in each row, or add --fill-down where a name stands for the rows below it too'

/**
 * Groups rows of one material each into blocks. Rows belong together when they have the same id or, without one, the same
 * name. An uncertain row, whose formula cannot be read, invalidates each adjacent formula that it may belong to.
 */
export class FormulaBlocks {
  readonly #fillDown: boolean
  #current: Block | null = null
  /** Uncertain rows since the current block began, or just before it. */
  #uncertain: Cells[] = []

  constructor(fillDown: boolean) {
    this.#fillDown = fillDown
  }

  /** @returns the blocks that this row completes */
  add(cells: Cells): Block[] {
    if (cells.isUncertain) this.#remember(cells)
    if (this.#current !== null && this.#belongs(cells, this.#current)) {
      const problem = cells.problem ?? this.#nameProblem(cells, this.#current) ?? addMetadata(this.#current, cells)
      refuse(this.#current, cells.line, problem)
      addMaterial(this.#current, cells)
      return []
    }
    if (cells.isUncertain) {
      if (this.#current !== null) invalidate(this.#current, [cells])
      return [newBlock(cells)]
    }
    const completed = this.close()
    this.#current = newBlock(cells)
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

  #remember(cells: Cells): void {
    // Past the limit, replace them by one row without text, which may belong to any formula.
    if (this.#uncertain.length === MAX_UNCERTAIN) this.#uncertain = [{ ...cells, raw: [] }]
    else this.#uncertain.push(cells)
  }

  #belongs({ id, formula, nameKey }: Cells, block: Block): boolean {
    if (id !== '') return id === block.id
    return formula === '' || (nameKey === block.nameKey && (block.id === '' || this.#fillDown))
  }

  #nameProblem({ formula, nameKey }: Cells, block: Block): string | null {
    if (formula === '') return this.#fillDown ? null : NO_NAME
    if (nameKey !== block.nameKey) return 'Rows of one id have different formula names'
    if (formula === block.name) return null
    return (
      `Rows of one formula spell its name ${JSON.stringify(block.name)} and ${JSON.stringify(formula)}. ` +
      'Spell it in one way, or give each formula an id of its own'
    )
  }
}

function newBlock({ line, id, formula: name, nameKey, metadata, problem }: Cells): Block {
  const lines = { firstLine: line, lastLine: line }
  const block: Block = { id, name, nameKey, ...lines, materials: [], materialLines: [], metadata, problem: null }
  refuse(block, line, problem ?? (name === '' ? NO_NAME : null))
  return block
}

function addMaterial(block: Block, { line, material, concentration }: Cells): void {
  block.lastLine = line
  if (block.materials.length === MAX_ROWS) refuse(block, line, `The formula has more than ${MAX_ROWS} rows`)
  else {
    block.materials.push({ name: material, concentration })
    block.materialLines.push(line)
  }
}

/** @returns why the metadata cannot be added */
function addMetadata(block: Block, { metadata }: Cells): string | null {
  if (metadata !== '' && block.metadata !== '' && metadata !== block.metadata) {
    return 'Rows of one formula have different metadata'
  }
  block.metadata ||= metadata
  return null
}

/** Keeps the first reason. */
function refuse(block: Block, line: number, message: string | null): void {
  if (message !== null) block.problem ??= { line, message }
}

/** Refuses a block that one of these uncertain rows may belong to. */
function invalidate(block: Block, rows: Cells[]): void {
  const row = rows.find((each) => mayBelong(each, block))
  if (row !== undefined) refuse(block, row.line, row.problem)
}

/** Whether an uncertain row contains the name of a formula, and its id if it has one. A row without text may belong to any. */
function mayBelong({ raw }: Cells, { id, name }: Block): boolean {
  const text = raw.join(' ')
  if (text.trim() === '') return true
  const isGarbled = text.includes('\ufffd')
  const inRow = spacedWords(text, isGarbled)
  return [name, id].every((part) => inRow.includes(spacedWords(part, isGarbled)))
}

/**
 * The words of a text, with one space on each side of them; only a space when it has none.
 * @param isGarbled whether to leave out the characters that a wrong encoding garbles
 */
function spacedWords(text: string, isGarbled: boolean): string {
  const known = isGarbled ? text.toLowerCase().replace(/[^\x20-\x7e]+/g, '') : nameIdentity(text)
  return ` ${known} `.replace(/[^\p{L}\p{N}]+/gu, ' ')
}
