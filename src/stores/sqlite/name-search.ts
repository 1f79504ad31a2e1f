import type { DatabaseSync } from 'node:sqlite'
import { successor } from '../../formula/identity.ts'
import { cutPage, entryBytes } from '../page.ts'
import { type FormulaRow, searchStatements } from './formula-statements.ts'
import type { LateIndex } from './upkeep/late-index.ts'

/** Most keys of the index that are sorted for a page. Where more begin so, formulas are walked instead. */
const MOST_SORTED = 10_000
/** Most formulas that are walked for a page, so that a search never holds up other reads for long. */
const MOST_WALKED = 20_000

interface RowPage {
  rows: FormulaRow[]
  next: number | null
}

/**
 * Finds formulas by what their search keys begin with, newest first. Few are found by the index, which is in the order of keys.
 * Of many, some stand among the newest, so formulas are walked in their own order: a page may then be short, or
 * empty, and still have a next one.
 */
export function nameSearch(db: DatabaseSync, index: LateIndex) {
  const sql = searchStatements(db)

  function* newestFirst(range: [string, string], before: number, limit: number): Iterable<FormulaRow> {
    yield* sql.between.iterate(...range, index.indexed, before) as Iterable<unknown> as Iterable<FormulaRow>
    yield* sql.indexed.all(...range, index.indexed, before, limit + 1) as unknown as FormulaRow[]
  }

  function walk(range: [string, string], before: number, limit: number): RowPage {
    const from = Math.min(before, (sql.last.get() as { seq: number }).seq + 1)
    const floor = Math.max(from - 1 - MOST_WALKED, 0)
    const rows = sql.between.iterate(...range, floor, from) as Iterable<unknown> as Iterable<FormulaRow>
    const { shown, more } = cutPage(rows, limit, entryBytes)
    if (more) return { rows: shown, next: (shown.at(-1) as FormulaRow).seq }
    return { rows: shown, next: floor > 0 ? floor + 1 : null }
  }

  return (prefix: string, before: number, limit: number): RowPage => {
    const range: [string, string] = [prefix, successor(prefix)]
    index.catchUp()
    const { found } = sql.count.get(...range, MOST_SORTED + 1) as { found: number }
    // Formulas that the index does not hold yet are walked in any case.
    if (found > MOST_SORTED || index.behind > MOST_WALKED) return walk(range, before, limit)
    const { shown, more } = cutPage(newestFirst(range, before, limit), limit, entryBytes)
    return { rows: shown, next: more ? (shown.at(-1) as FormulaRow).seq : null }
  }
}
