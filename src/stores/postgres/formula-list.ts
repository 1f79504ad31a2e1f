import { isFingerprint, successor } from '../../formula/identity.ts'
import { PAGE_BYTES } from '../page.ts'
import type { FormulaDb, FormulaQuery } from '../ports.ts'
import { type Database, DURABLE, type Row, Unstorable } from './database.ts'
import { toFormula } from './kept-answers.ts'

/** Rows that a search by name looks at for one page. */
const MOST_WALKED = 10_000
/** What a page has beside its formulas. */
const FRAME_BYTES = 256

const FORMULA = `pg_catalog.encode(fingerprint, 'hex') AS id, document, seq`

/** $1 fingerprint in hex. */
const GET = `
SELECT ${FORMULA} FROM formula_intake.formulas WHERE fingerprint = pg_catalog.decode($1, 'hex') AND attempt IS NULL`

/** $1 fingerprint in hex, $2 sequence number. */
const ERASE = `
DELETE FROM formula_intake.formulas
WHERE fingerprint = pg_catalog.decode($1, 'hex') AND seq = $2 AND attempt IS NULL RETURNING ${DURABLE}`

/**
 * Ends a page at `PAGE_BYTES`, but gives one row at least; `found` counts the rows of the page before. The sizes of large
 * values are known without reading them, so rows that are left out are never read.
 */
const ended = (page: string): string => `
SELECT id, document, seq, found FROM (
  SELECT paged.*, pg_catalog.count(*) OVER () AS found, pg_catalog.row_number() OVER newest AS place,
    pg_catalog.sum(1 + pg_catalog.octet_length(document)) OVER newest AS bytes
  FROM (${page}) AS paged WINDOW newest AS (ORDER BY seq DESC ROWS UNBOUNDED PRECEDING)
) AS weighed WHERE bytes <= ${PAGE_BYTES - FRAME_BYTES} OR place = 1 ORDER BY seq DESC`

/** $1 before, $2 limit. */
const LIST = ended(`
  SELECT ${FORMULA} FROM formula_intake.formulas WHERE seq < $1 AND attempt IS NULL ORDER BY seq DESC LIMIT $2`)

const HAS_PREFIX = `search >= $1 AND search < $2`

/** Counts up to a limit. $1 the prefix, $2 what sorts behind all that begins so, $3 limit. */
const COUNT_BY_NAME = `
SELECT pg_catalog.count(*) AS count FROM (
  SELECT FROM formula_intake.formulas WHERE ${HAS_PREFIX} ORDER BY search LIMIT $3
) AS counted`

const FEW = ended(`
  SELECT ${FORMULA} FROM formula_intake.formulas
  WHERE seq = ANY (ARRAY(SELECT seq FROM named WHERE seq < $3 AND attempt IS NULL ORDER BY seq DESC LIMIT $4))`)

/** By way of the names, all of them. $1 the prefix, $2 what sorts behind all that begins so, $3 before, $4 limit. */
const LIST_FEW_BY_NAME = `
WITH named AS MATERIALIZED (SELECT seq, attempt FROM formula_intake.formulas WHERE ${HAS_PREFIX})
${FEW}`

const MANY = ended(`
  SELECT ${FORMULA} FROM formula_intake.formulas WHERE seq = ANY (ARRAY(SELECT seq FROM matching))`)

/**
 * By way of the order of acceptance, as far as a limit; the last row says where that was, and is no formula. $1 the prefix,
 * $2 what sorts behind all that begins so, $3 before, $4 limit, $5 how many rows to look at.
 */
const LIST_MANY_BY_NAME = `
WITH walked AS MATERIALIZED (
  SELECT seq, search, attempt FROM formula_intake.formulas WHERE seq < $3 ORDER BY seq DESC LIMIT $5
), matching AS (
  SELECT seq FROM walked WHERE ${HAS_PREFIX} AND attempt IS NULL ORDER BY seq DESC LIMIT $4
)
SELECT * FROM (${MANY}) AS shown
UNION ALL SELECT NULL, NULL, pg_catalog.min(seq), NULL FROM walked HAVING pg_catalog.count(*) = $5
ORDER BY seq DESC, id`

/** Reads formulas that are not pending, and erases them. */
export function visibleFormulas(database: Database): Pick<FormulaDb, 'get' | 'list' | 'erase'> {
  return {
    async get(id) {
      const [row] = isFingerprint(id) ? await database.query(GET, [id]) : []
      return row === undefined ? null : toFormula(row)
    },
    async list({ limit, before = Number.MAX_SAFE_INTEGER, searchPrefix = '' }) {
      if (searchPrefix !== '') return search(database, searchPrefix, { limit, before })
      return toPage(await database.query(LIST, [before, limit + 1]), limit)
    },
    erase: async (id, seq) => isFingerprint(id) && (await database.query(ERASE, [id, seq])).length > 0,
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
    const [row] = await query(COUNT_BY_NAME, [...range, MOST_WALKED + 1])
    const isFew = (row?.count as number) <= MOST_WALKED
    return isFew
      ? query(LIST_FEW_BY_NAME, [...range, before, limit + 1])
      : query(LIST_MANY_BY_NAME, [...range, before, limit + 1, MOST_WALKED])
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
  return { items: shown.map(toFormula), next: (next ?? null) as number | null }
}
