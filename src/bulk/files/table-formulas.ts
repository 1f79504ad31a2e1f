import { BlockIndex, type Verdict } from './block-index.ts'
import { Columns, type TableOptions } from './columns.ts'
import { type Block, FormulaBlocks } from './formula-blocks.ts'
import { type Entry, unreadable } from './row.ts'
import { totalsIn } from './totals.ts'

/** One row of a CSV file or a sheet. */
export interface TableRow {
  /** Its line in the file, or its number in the sheet, from 1. */
  line: number
  /** A guess where there is a `problem`; empty when nothing can be read. */
  cells: string[]
  /** Why the row cannot be read as intended. */
  problem: string | null
  /** How many of the first cells are certain although there is a problem. */
  certainCells?: number
}

/** Reads a table from its beginning. */
type ReadRows = () => AsyncIterable<Iterable<TableRow>>

/** Reads a table whose first row names its columns. */
export class TableReader {
  readonly #options: TableOptions
  #columns: Columns | null = null

  constructor(options: TableOptions) {
    this.#options = options
  }

  /** Whether cells look like a row of this table. */
  isRow = (cells: string[]): boolean => this.#columns?.isLikeRow(cells) ?? false

  /**
   * Reads the table twice, to find formulas that are not one block before it yields the first formula.
   * @throws {UnreadableFile} when the first row does not name the columns, or the file changes between the readings
   */
  async *formulas(read: ReadRows): AsyncGenerator<Entry[]> {
    const index = new BlockIndex()
    for await (const blocks of this.#blocks(read)) for (const block of blocks) index.add(block)
    index.close()
    let number = 0
    for await (const blocks of this.#blocks(read)) {
      yield blocks.flatMap((block) => entriesOf(block, index.verdict(block, number++)))
    }
  }

  async *#blocks(read: ReadRows): AsyncGenerator<Block[]> {
    this.#columns = null
    let blocks: FormulaBlocks | null = null
    for await (const rows of read()) {
      const completed: Block[] = []
      for (const row of rows) {
        if (blocks !== null) completed.push(...blocks.add(row))
        else if (row.problem !== null || row.cells.some((cell) => cell.trim() !== '')) {
          this.#columns = new Columns(row.cells, this.#options)
          blocks = new FormulaBlocks(this.#columns, this.#options.fillDown)
        }
      }
      if (completed.length > 0) yield completed
    }
    if (blocks !== null) yield blocks.close()
  }
}

function entriesOf(block: Block, verdict: Verdict): Entry[] {
  const { firstLine, name, materials, materialLines, problem } = block
  if (verdict.kind === 'reported') return []
  if (problem !== null) return [unreadable(problem.line, problem.message)]
  if (verdict.kind === 'refused') return [unreadable(firstLine, verdict.message)]
  const warnings = totalsIn(materials).map(({ index, message }) => ({ line: materialLines[index] as number, message }))
  const json = JSON.stringify({ name, materials })
  return [{ line: firstLine, json, materialLines, ...(warnings.length > 0 && { warnings }) }]
}
