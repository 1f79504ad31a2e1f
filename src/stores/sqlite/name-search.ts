import type { DatabaseSync } from 'node:sqlite'
import { searchKey, successor } from '../../formula/name-search.ts'
import { cutPage, entryBytes } from '../page.ts'
import type { LateIndex } from './durability/late-index.ts'
import { COLUMNS, type FormulaRow } from './formula-table.ts'

/** Most names of the index that are sorted for a page. Where more begin so, formulas are walked instead. */
const MOST_SORTED = 10_000
/** Most formulas that are walked for a page, so that a search never holds up other reads for long. */
const MOST_WALKED = 20_000

interface RowPage {
  rows: FormulaRow[]
  next: number | null
}

/**
 * Finds formulas by what their names begin with, newest first. Few are found by the index, which is in the order of names.
 * Of many, some stand among the newest, so formulas are walked in their own order: a page may then be short, or
 * empty, and still have a next one.
 */
export function nameSearch(db: DatabaseSync, index: LateIndex) {
  const count = db.prepare(
    'SELECT count(*) AS found FROM (SELECT 1 FROM formulas_by_search WHERE search >= ? AND search < ? LIMIT ?)',
  )
  const indexed = db.prepare(
    `SELECT ${COLUMNS} FROM (SELECT seq AS found FROM formulas_by_search
       WHERE search >= ? AND search < ? AND seq <= ? AND seq < ? ORDER BY found DESC LIMIT ?)
     CROSS JOIN formulas ON formulas.seq = found ORDER BY formulas.seq DESC`,
  )
  const between = db.prepare(
    `SELECT ${COLUMNS} FROM formulas WHERE search >= ? AND search < ? AND seq > ? AND seq < ? ORDER BY seq DESC`,
  )
  const last = db.prepare('SELECT ifnull(max(seq), 0) AS seq FROM formulas')

  function* newestFirst(range: [string, string], before: number, limit: number): Iterable<FormulaRow> {
    yield* between.iterate(...range, index.indexed, before) as Iterable<unknown> as Iterable<FormulaRow>
    yield* indexed.all(...range, index.indexed, before, limit + 1) as unknown as FormulaRow[]
  }

  function walk(range: [string, string], before: number, limit: number): RowPage {
    const from = Math.min(before, (last.get() as { seq: number }).seq + 1)
    const floor = Math.max(from - 1 - MOST_WALKED, 0)
    const rows = between.iterate(...range, floor, from) as Iterable<unknown> as Iterable<FormulaRow>
    const { shown, more } = cutPage(rows, limit, entryBytes)
    if (more) return { rows: shown, next: (shown.at(-1) as FormulaRow).seq }
    return { rows: shown, next: floor > 0 ? floor + 1 : null }
  }

  return (namePrefix: string, before: number, limit: number): RowPage => {
    const search = searchKey(namePrefix)
    const range: [string, string] = [search, successor(search)]
    index.catchUp()
    const { found } = count.get(...range, MOST_SORTED + 1) as { found: number }
    // Formulas that the index does not hold yet are walked in any case.
    if (found > MOST_SORTED || index.behind > MOST_WALKED) return walk(range, before, limit)
    const { shown, more } = cutPage(newestFirst(range, before, limit), limit, entryBytes)
    return { rows: shown, next: more ? (shown.at(-1) as FormulaRow).seq : null }
  }
}
