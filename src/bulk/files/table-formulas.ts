import type { Material } from '../../formula/formula.ts'
import { sumOf } from '../corrections.ts'
import { BlockIndex, type BlockStatus } from './block-index.ts'
import { Columns, type TableOptions } from './columns.ts'
import { type Block, FormulaBlocks } from './formula-blocks.ts'
import { type Entry, type TableRow, unreadable } from './row.ts'

/**
 * Reads a table from its beginning.
 * @param isRow whether cells look like a row of this table, by its header; false before the header has been consumed
 */
type ReadRows = (isRow: (cells: string[]) => boolean) => AsyncIterable<Iterable<TableRow>>

/**
 * Reads a table whose first row names its columns. It is read twice, to find formulas that are not one block before the
 * first formula is yielded.
 * @throws {UnreadableFile} when the first row does not name the columns, or the file changes between the readings
 */
export async function* tableFormulas(read: ReadRows, options: TableOptions): AsyncGenerator<Entry[]> {
  const index = new BlockIndex()
  for await (const blocks of blocksOf(read, options)) for (const block of blocks) index.add(block)
  index.close()
  let number = 0
  for await (const blocks of blocksOf(read, options)) {
    yield blocks.flatMap((block) => entriesOf(block, index.statusOf(block, number++)))
  }
}

async function* blocksOf(read: ReadRows, options: TableOptions): AsyncGenerator<Block[]> {
  let columns: Columns | null = null
  const blocks = new FormulaBlocks(options.fillDown)
  for await (const rows of read((cells) => columns?.isLikeRow(cells) ?? false)) {
    const completed: Block[] = []
    for (const row of rows) {
      if (columns === null) {
        const isBlank = row.problem === null && row.cells.every((cell) => cell.trim() === '')
        if (!isBlank) columns = new Columns(row.cells, options)
      } else {
        const cells = columns.read(row)
        if (cells !== null) completed.push(...blocks.add(cells))
      }
    }
    if (completed.length > 0) yield completed
  }
  yield blocks.close()
}

function entriesOf(block: Block, status: BlockStatus): Entry[] {
  const { firstLine, name, materials, materialLines, metadata, problem } = block
  if (status.kind === 'reported') return []
  if (problem !== null) return [unreadable(problem.line, problem.message)]
  if (status.kind === 'refused') return [unreadable(firstLine, status.message)]
  const warnings = totalsIn(materials).map(({ index, message }) => ({ line: materialLines[index] as number, message }))
  const fields = JSON.stringify({ name, materials }).slice(0, -1)
  const json = metadata === '' ? `${fields}}` : `${fields},"metadata":${asJson(metadata)}}`
  return [{ line: firstLine, json, materialLines, ...(warnings.length > 0 && { warnings }) }]
}

/** Text that is not JSON becomes a string, which the service refuses by its rule for metadata. */
function asJson(metadata: string): string {
  try {
    JSON.parse(metadata)
    return metadata
  } catch {
    return JSON.stringify(metadata)
  }
}

/** Names of a total row in the languages of the trade; compared without accents. */
const TOTAL_WORD =
  /^(?:grand ?|sub ?)?(?:total(?:s|e|en)?|totaal|sum|summe|summa|somme|suma|soma|gesamt(?:summe|menge)?|zwischensumme|итого|всего|合計|合计|总计|總計|小計|小计)(?![\p{L}\p{N}])/u

/** A name without a letter, such as `=100`, `100 %` or `Σ`. */
const NO_WORD = /^[^\p{L}]+$|^[^\p{L}]*Σ[^\p{L}]*$/u

/** What the parts of a formula usually add up to. */
const WHOLES = ['1', '100', '1000', '10000']

/** Finds materials that are more likely the sum of the others. */
export function totalsIn(materials: Material[]): { index: number; message: string }[] {
  return materials.flatMap(({ name }, index) => {
    const isTotal = hasTotalName(name) || (index === materials.length - 1 && isLastTheSum(materials))
    const message = `${JSON.stringify(name)} looks like a total, and is taken for a material`
    return isTotal ? [{ index, message }] : []
  })
}

function hasTotalName(name: string): boolean {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  return TOTAL_WORD.test(plain.replace(/[^\p{L}\p{N}]+/gu, ' ').trim()) || NO_WORD.test(name)
}

/** Whether the last material equals the sum of the others, and that is a usual whole. */
function isLastTheSum(materials: Material[]): boolean {
  const concentrations = materials.map(({ concentration }) => concentration)
  const last = concentrations.pop()
  if (last === undefined || concentrations.length < 2) return false
  const sum = sumOf(concentrations)
  return sum !== null && sum === sumOf([last]) && WHOLES.includes(sum)
}
