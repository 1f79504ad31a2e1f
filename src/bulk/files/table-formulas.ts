import { BlockIndex, type Verdict } from './block-index.ts'
import { Columns, type TableOptions } from './columns.ts'
import { type Block, FormulaBlocks } from './formula-blocks.ts'
import { type Entry, unreadable } from './row.ts'
import type { ReadRows, TableRow } from './table-row.ts'
import { totalsIn } from './totals.ts'

/** Reads a table whose first row names its columns. */
export class TableReading {
  readonly #options: TableOptions
  #columns: Columns | null = null

  constructor(options: TableOptions) {
    this.#options = options
  }

  /** Whether cells look like a row of this table. */
  isRow = (cells: string[]): boolean => this.#columns?.isLikeRow(cells) ?? false

  /**
   * Reads the table twice: formulas whose rows are not one block are found before the first formula is given out.
   * @throws {UnreadableFile} when the first row does not name the columns, or the file changes meanwhile
   */
  async *formulas(read: ReadRows): AsyncGenerator<Entry[]> {
    const index = await this.#index(read)
    if (index === null) return
    let number = 0
    for await (const blocks of this.#blocks(read)) {
      yield blocks.flatMap((block) => entriesOf(block, index.verdict(block, number++)))
    }
  }

  async #index(read: ReadRows): Promise<BlockIndex | null> {
    let index: BlockIndex | null = null
    for await (const blocks of this.#blocks(read)) {
      index ??= new BlockIndex(this.#columns?.hasId === true)
      for (const block of blocks) index.add(block)
    }
    index?.close()
    return index
  }

  async *#blocks(read: ReadRows): AsyncGenerator<Block[]> {
    this.#columns = null
    let blocks: FormulaBlocks | null = null
    for await (const rows of read()) {
      const completed: Block[] = []
      for (const row of rows) {
        if (blocks !== null) completed.push(...blocks.add(row))
        else if (!isBlank(row)) {
          this.#columns = new Columns(row.cells, this.#options)
          blocks = new FormulaBlocks(this.#columns, this.#options.fillDown)
        }
      }
      if (completed.length > 0) yield completed
    }
    if (blocks !== null) yield blocks.close()
  }
}

const isBlank = ({ cells, problem }: TableRow): boolean => problem === null && cells.every((cell) => cell.trim() === '')

function entriesOf(block: Block, verdict: Verdict): Entry[] {
  const { firstLine, name, materials, materialLines, problem } = block
  if (verdict.kind === 'told') return []
  if (problem !== null) return [unreadable(problem.line, problem.message)]
  if (verdict.kind === 'refused') return [unreadable(firstLine, verdict.message)]
  const warnings = totalsIn(materials).map(({ index, message }) => ({
    line: materialLines[index] ?? firstLine,
    message,
  }))
  return [
    {
      line: firstLine,
      json: JSON.stringify({ name, materials }),
      materialLines,
      ...(warnings.length > 0 && { warnings }),
    },
  ]
}
