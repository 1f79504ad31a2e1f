import type { StoredFormula } from '../../formula/formula.ts'
import { searchKey } from '../../formula/name-search.ts'
import { cutPage, entryBytes } from '../page.ts'
import type { FormulaQuery, Page } from '../ports.ts'

interface IndexBuffer {
  sequence: number
  formula: StoredFormula
  /** What it is searched by. */
  name: string
}

/** The visible formulas in the order of acceptance; none is ever removed, so that its place is its sequence number. */
export class Formulas {
  readonly #byId = new Map<string, StoredFormula>()
  readonly #inOrder: IndexBuffer[] = []

  get(id: string): StoredFormula | null {
    return this.#byId.get(id) ?? null
  }

  add(formulas: StoredFormula[]): void {
    for (const formula of formulas) {
      this.#byId.set(formula.id, formula)
      this.#inOrder.push({ sequence: this.#inOrder.length + 1, formula, name: searchKey(formula.name) })
    }
  }

  list({ limit, before = Number.POSITIVE_INFINITY, namePrefix = '' }: FormulaQuery): Page<StoredFormula> {
    const { shown, more } = cutPage(this.#newestFirst(searchKey(namePrefix), before), limit, bytesOf)
    const next = more ? (shown.at(-1) as IndexBuffer).sequence : null
    return { items: shown.map(({ formula }) => formula), next }
  }

  *#newestFirst(prefix: string, before: number): Iterable<IndexBuffer> {
    for (let sequence = Math.min(before - 1, this.#inOrder.length); sequence > 0; sequence--) {
      const kept = this.#inOrder[sequence - 1] as IndexBuffer
      if (kept.name.startsWith(prefix)) yield kept
    }
  }
}

const bytesOf = ({ formula }: IndexBuffer): number =>
  entryBytes({ name: formula.name, materials: JSON.stringify(formula.materials) })
