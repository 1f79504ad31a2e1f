import type { StoredFormula } from '../../formula/formula.ts'
import { searchKey } from '../../formula/name-search.ts'
import type { FormulaQuery, Page } from '../ports.ts'

/** The visible formulas in the order of acceptance; none is ever removed, so that its place is its sequence number. */
export class Formulas {
  readonly #byId = new Map<string, StoredFormula>()
  readonly #inOrder: { formula: StoredFormula; name: string }[] = []

  get(id: string): StoredFormula | null {
    return this.#byId.get(id) ?? null
  }

  add(formulas: StoredFormula[]): void {
    for (const formula of formulas) {
      this.#byId.set(formula.id, formula)
      this.#inOrder.push({ formula, name: searchKey(formula.name) })
    }
  }

  list({ limit, before = Number.POSITIVE_INFINITY, namePrefix = '' }: FormulaQuery): Page<StoredFormula> {
    const prefix = searchKey(namePrefix)
    const items: StoredFormula[] = []
    let last: number | null = null
    for (let sequence = Math.min(before - 1, this.#inOrder.length); sequence > 0; sequence--) {
      const { formula, name } = this.#inOrder[sequence - 1] as { formula: StoredFormula; name: string }
      if (!name.startsWith(prefix)) continue
      if (items.length === limit) return { items, next: last }
      items.push(formula)
      last = sequence
    }
    return { items, next: null }
  }
}
