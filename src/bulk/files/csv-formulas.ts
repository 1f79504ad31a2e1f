import { isUtf8 } from 'node:buffer'
import { type Entry, UnreadableFile, unreadable } from './row.ts'

/** What a CSV file has to say in its first line, and what it may say beside. */
const REQUIRED = ['formula', 'material', 'concentration'] as const
const OPTIONAL = ['id', 'createdat']

/** How many formulas back it is noticed that the rows of one stand apart. */
const REMEMBERED = 10_000

/** More materials than any formula may have: the service says so of the first ones. */
const KEPT_MATERIALS = 501

interface Columns {
  count: number
  id: number
  formula: number
  material: number
  concentration: number
}

interface OpenFormula {
  key: string
  name: string
  line: number
  materials: { name: string; concentration: string }[]
  materialLines: number[]
  /** What is wrong with it already. */
  refused: Entry | null
}

/**
 * Puts rows of one material each together to formulas. The rows of one formula stand together: they have the same `id`,
 * where there is such a column, and else the same name.
 */
export class CsvFormulas {
  #columns: Columns | null = null
  #open: OpenFormula | null = null
  readonly #closed = new Set<string>()

  /** @returns the formula that this row ends by beginning another */
  add(fields: Buffer[], line: number): Entry | null {
    if (fields.length === 1 && fields[0]?.toString('latin1').trim() === '') return null
    if (this.#columns === null) {
      this.#columns = readHeader(fields)
      return null
    }
    const key = keyOf(fields, this.#columns)
    let ended: Entry | null = null
    if (this.#open?.key !== key) {
      ended = this.close()
      this.#open = this.#begin(fields, this.#columns, key, line)
    }
    addMaterial(this.#open as OpenFormula, fields, this.#columns, line)
    return ended
  }

  /** @returns the formula whose rows came last */
  close(): Entry | null {
    const formula = this.#open
    if (formula === null) return null
    this.#open = null
    this.#closed.add(formula.key)
    if (this.#closed.size > REMEMBERED) this.#closed.delete(this.#closed.values().next().value as string)
    const { name, line, materials, materialLines, refused } = formula
    return refused ?? { line, json: JSON.stringify({ name, materials }), materialLines }
  }

  #begin(fields: Buffer[], columns: Columns, key: string, line: number): OpenFormula {
    const isApart = this.#closed.has(key)
    const message =
      'Rows of this formula stand apart from each other. Sort the file, or give each formula an id of its own'
    const refused = isApart ? unreadable(line, message) : null
    return { key, name: text(fields[columns.formula]), line, materials: [], materialLines: [], refused }
  }
}

function addMaterial(formula: OpenFormula, fields: Buffer[], columns: Columns, line: number): void {
  if (fields.length !== columns.count) {
    formula.refused ??= unreadable(line, `The row has ${fields.length} fields, the first line ${columns.count}`)
  } else if (!fields.every((field) => isUtf8(field))) {
    formula.refused ??= unreadable(line, 'The row is not in UTF-8')
  } else if (text(fields[columns.formula]) !== formula.name) {
    formula.refused ??= unreadable(line, 'Rows of one id have different formula names')
  } else if (formula.materials.length < KEPT_MATERIALS) {
    const [name, concentration] = [text(fields[columns.material]), text(fields[columns.concentration]).trim()]
    formula.materials.push({ name, concentration })
    formula.materialLines.push(line)
  }
}

/** @throws {UnreadableFile} when a column is missing, or nobody knows what it is for */
function readHeader(fields: Buffer[]): Columns {
  const names = fields.map((field) => text(field).trim().toLowerCase())
  const missing = REQUIRED.filter((name) => !names.includes(name))
  const unknown = names.filter((name) => ![...REQUIRED, ...OPTIONAL].includes(name))
  if (missing.length > 0 || unknown.length > 0 || new Set(names).size < names.length) {
    const found = JSON.stringify(names.join(', ').slice(0, 200))
    throw new UnreadableFile(
      `The first line must name the columns formula, material, concentration and, if you like, id; it has ${found}. ` +
        'Is the delimiter another one? See --delimiter',
    )
  }
  const [formula, material, concentration] = REQUIRED.map((name) => names.indexOf(name)) as [number, number, number]
  return { count: names.length, id: names.indexOf('id'), formula, material, concentration }
}

/** What rows of one formula have in common. Bytes that are no text stay what they are. */
function keyOf(fields: Buffer[], { id, formula }: Columns): string {
  return (fields[id < 0 ? formula : id] ?? Buffer.alloc(0)).toString('latin1')
}

const text = (field: Buffer | undefined): string => field?.toString() ?? ''
