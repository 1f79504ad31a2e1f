import { isFingerprint, successor } from '../../formula/identity.ts'
import { ENTRY_OVERHEAD, FilteredPage, PAGE_BYTES, PAGE_OVERHEAD, type Timer, writeFormulas } from '../page.ts'
import type { FormulaDb, FormulaPage, FormulaQuery } from '../ports.ts'
import { type Database, type Row, Unstorable } from './database.ts'
import { toFormula } from './lookup.ts'

/** Maximum number of rows that a search by name scans for one page. */
const MAX_SCANNED = 10_000

const FORMULA = `pg_catalog.encode(fingerprint, 'hex') AS id, document, seq`

/** $1 fingerprint in hex. */
const GET = `
SELECT ${FORMULA} FROM formula_intake.formulas WHERE fingerprint = pg_catalog.decode($1, 'hex') AND attempt IS NULL`

/** The formulas of a list of ids that fit into a page; the first always does. $1 fingerprints in hex. */
const GET_PAGE = `
SELECT id, document, seq FROM (
  SELECT asked.id, place, formulas.document, formulas.seq, pg_catalog.sum(
    ${ENTRY_OVERHEAD} + coalesce(pg_catalog.octet_length(formulas.document), 0)
  ) OVER (ORDER BY place) AS bytes
  FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS asked (id, place)
  LEFT JOIN formula_intake.formulas ON fingerprint = pg_catalog.decode(asked.id, 'hex') AND attempt IS NULL
) AS weighed WHERE bytes <= ${PAGE_BYTES - PAGE_OVERHEAD} OR place = 1 ORDER BY place`

/**
 * Cuts rows to a page of some bytes, but at least one row; `found` is the number of rows before the cut. PostgreSQL
 * knows the size of a large value without reading it, so documents that are cut off are never read.
 */
const cut = (rows: string, bytes = PAGE_BYTES - PAGE_OVERHEAD): string => `
SELECT id, document, seq, found FROM (
  SELECT paged.*, pg_catalog.count(*) OVER () AS found, pg_catalog.row_number() OVER newest AS place,
    pg_catalog.sum(${ENTRY_OVERHEAD} + pg_catalog.octet_length(document)) OVER newest AS bytes
  FROM (${rows}) AS paged WINDOW newest AS (ORDER BY seq DESC ROWS UNBOUNDED PRECEDING)
) AS weighed WHERE bytes <= ${bytes} OR place = 1 ORDER BY seq DESC`

/** $1 before, $2 limit. */
const LIST = cut(`
  SELECT ${FORMULA} FROM formula_intake.formulas WHERE seq < $1 AND attempt IS NULL ORDER BY seq DESC LIMIT $2`)

/** $1 the prefix, $2 its successor: the first key that sorts after all keys with the prefix. */
const HAS_PREFIX = `search >= $1 AND search < $2`

/** $3 where to stop counting. */
const COUNT_BY_NAME = `
SELECT pg_catalog.count(*) AS count FROM (
  SELECT FROM formula_intake.formulas WHERE ${HAS_PREFIX} ORDER BY search LIMIT $3
) AS counted`

const FEW = cut(`
  SELECT ${FORMULA} FROM formula_intake.formulas
  WHERE seq = ANY (ARRAY(SELECT seq FROM named WHERE seq < $3 AND attempt IS NULL ORDER BY seq DESC LIMIT $4))`)

/** Reads all matches from the index on names. $3 before, $4 limit. */
const LIST_FEW_BY_NAME = `
WITH named AS MATERIALIZED (SELECT seq, attempt FROM formula_intake.formulas WHERE ${HAS_PREFIX})
${FEW}`

const MANY = cut(`
  SELECT ${FORMULA} FROM formula_intake.formulas WHERE seq = ANY (ARRAY(SELECT seq FROM matching))`)

/**
 * Scans the newest formulas for matches. When it stops at $5 rows, it adds a row without id, whose `seq` is where the next
 * page begins. $3 before, $4 limit, $5 most rows to scan.
 */
const LIST_MANY_BY_NAME = `
WITH scanned AS MATERIALIZED (
  SELECT seq, search, attempt FROM formula_intake.formulas WHERE seq < $3 ORDER BY seq DESC LIMIT $5
), matching AS (
  SELECT seq FROM scanned WHERE ${HAS_PREFIX} AND attempt IS NULL ORDER BY seq DESC LIMIT $4
)
SELECT * FROM (${MANY}) AS shown
UNION ALL SELECT NULL, NULL, pg_catalog.min(seq), NULL FROM scanned HAVING pg_catalog.count(*) = $5
ORDER BY seq DESC, id`

/** Rows that a list with a filter reads at a time, and their bytes: between them this process does something else. */
const FILTERED_ROWS = 200
const FILTERED_BYTES = 512 * 1024

/** The document is empty where the name is another. $3 before, $4 limit. */
const LIST_NAMED = cut(
  `SELECT pg_catalog.encode(fingerprint, 'hex') AS id, CASE WHEN ${HAS_PREFIX} THEN document ELSE '' END AS document, seq
  FROM formula_intake.formulas WHERE seq < $3 AND attempt IS NULL ORDER BY seq DESC LIMIT $4`,
  FILTERED_BYTES,
)

/** Reads formulas; pending ones do not exist here. */
export function formulaReads(
  database: Database,
  timer: Timer = () => performance.now(),
): Pick<FormulaDb, 'get' | 'getPage' | 'list'> {
  return {
    async get(id) {
      const [row] = isFingerprint(id) ? await database.query(GET, [id]) : []
      return row === undefined ? null : toFormula(row)
    },
    async getPage(ids) {
      const rows = await database.query(GET_PAGE, [ids.map((id) => (isFingerprint(id) ? id : ''))])
      return rows.map((row) => (row.seq === null ? null : toFormula(row)))
    },
    async list({ limit, before = Number.MAX_SAFE_INTEGER, searchPrefix = '', filter }) {
      if (filter !== undefined)
        return find(database, { limit, before, searchPrefix, filter }, timer).catch(noneIfUnstorable)
      if (searchPrefix !== '') return search(database, { limit, before, searchPrefix }).catch(noneIfUnstorable)
      return toPage(await database.query(LIST, [before, limit + 1]), limit)
    },
  }
}

/** Tests the formulas one after the other. */
async function find(
  database: Database,
  { searchPrefix, before, ...wanted }: Required<FormulaQuery>,
  timer: Timer,
): ReturnType<FormulaDb['list']> {
  const found = new FilteredPage(wanted, timer)
  for (let at = before; ; ) {
    const values = [searchPrefix, successor(searchPrefix), at, FILTERED_ROWS]
    const rows = await database.read((query) => query(LIST_NAMED, values))
    if (rows.length === 0 || rows.some((row) => found.endsAt(toFormula(row)))) return found.page
    at = rows.at(-1)?.seq as number
  }
}

/** Uses the index on names if few match; else scans the newest formulas, and a page may be short or empty before the last. */
async function search(
  database: Database,
  { limit, before, searchPrefix }: Required<Omit<FormulaQuery, 'filter'>>,
): ReturnType<FormulaDb['list']> {
  const range = [searchPrefix, successor(searchPrefix)]
  const rows = await database.read(async (query) => {
    const [row] = await query(COUNT_BY_NAME, [...range, MAX_SCANNED + 1])
    return (row?.count as number) <= MAX_SCANNED
      ? query(LIST_FEW_BY_NAME, [...range, before, limit + 1])
      : query(LIST_MANY_BY_NAME, [...range, before, limit + 1, MAX_SCANNED])
  })
  return toPage(rows, limit)
}

/** No name begins with a text that the database cannot store. */
function noneIfUnstorable(error: unknown): FormulaPage {
  if (error instanceof Unstorable) return { formulas: writeFormulas([]), next: null }
  throw error
}

/** @param rows up to `limit + 1`, each with the number `found`; the last may have only `seq`, where the next page begins */
function toPage(rows: Row[], limit: number): FormulaPage {
  const last = rows.at(-1)
  const shown = rows.filter(({ id }) => id !== null).slice(0, limit)
  const isCut = shown.length < ((rows[0]?.found ?? 0) as number)
  const next = isCut ? shown.at(-1)?.seq : last?.id === null ? last.seq : null
  return { formulas: writeFormulas(shown.map(toFormula)), next: (next ?? null) as number | null }
}
