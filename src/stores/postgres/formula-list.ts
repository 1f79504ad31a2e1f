import { searchKey, successor } from '../../formula/name-search.ts'
import type { FormulaDb, FormulaQuery } from '../ports.ts'
import { type Database, type Row, Unstorable } from './database.ts'
import * as sql from './formula-statements.ts'
import { withMaterials } from './lookup.ts'

/** Rows that a search by name looks at for one page. */
const MOST_WALKED = 10_000

/** Reads formulas that are not pending. */
export function formulaList(database: Database): FormulaDb['list'] {
  return async ({ limit, before = Number.MAX_SAFE_INTEGER, namePrefix }) => {
    const prefix = searchKey(namePrefix ?? '')
    if (prefix !== '') return search(database, prefix, { limit, before })
    return toPage(await database.query(sql.LIST, [before, limit + 1]), limit)
  }
}

/**
 * Goes through few names by their index, and newest first through the formulas where many names begin so. Of the latter
 * a page may be short, or even empty, and have another behind it.
 */
async function search(
  database: Database,
  prefix: string,
  { limit, before }: Required<Pick<FormulaQuery, 'limit' | 'before'>>,
): ReturnType<FormulaDb['list']> {
  const range = [prefix, successor(prefix)]
  const rows = database.read(async (query) => {
    const [row] = await query(sql.COUNT_BY_NAME, [...range, MOST_WALKED + 1])
    const isFew = (row?.count as number) <= MOST_WALKED
    return isFew
      ? query(sql.LIST_FEW_BY_NAME, [...range, before, limit + 1])
      : query(sql.LIST_MANY_BY_NAME, [...range, before, limit + 1, MOST_WALKED])
  })
  try {
    return toPage(await rows, limit)
  } catch (error) {
    if (error instanceof Unstorable) return { items: [], next: null }
    throw error
  }
}

/** @param rows those of the page, which say how many were `found`; the last may say only where to go on */
function toPage(rows: Row[], limit: number): Awaited<ReturnType<FormulaDb['list']>> {
  const last = rows.at(-1)
  const shown = rows.filter(({ id }) => id !== null).slice(0, limit)
  const isCut = shown.length < ((rows[0]?.found ?? 0) as number)
  const next = isCut ? shown.at(-1)?.seq : last?.id === null ? last.seq : null
  return { items: shown.map(withMaterials), next: (next ?? null) as number | null }
}
