import { ENTRY_BYTES, PAGE_BYTES } from '../page.ts'

const FORMULA = `pg_catalog.encode(fingerprint, 'hex') AS id, name, materials, created_at, seq`

/** $1 fingerprint in hex. */
export const GET = `
SELECT ${FORMULA} FROM formula_intake.formulas WHERE fingerprint = pg_catalog.decode($1, 'hex') AND attempt IS NULL`

/**
 * Ends a page at `PAGE_BYTES`, but gives one row at least; `found` counts the rows of the page before. The sizes of large
 * values are known without reading them, so rows that are left out are never read.
 */
const ended = (page: string): string => `
SELECT id, name, materials, created_at, seq, found FROM (
  SELECT paged.*, pg_catalog.count(*) OVER () AS found, pg_catalog.row_number() OVER newest AS place,
    pg_catalog.sum(${ENTRY_BYTES} + 2 * pg_catalog.octet_length(name) + pg_catalog.octet_length(materials)) OVER newest AS bytes
  FROM (${page}) AS paged WINDOW newest AS (ORDER BY seq DESC ROWS UNBOUNDED PRECEDING)
) AS weighed WHERE bytes <= ${PAGE_BYTES - ENTRY_BYTES} OR place = 1 ORDER BY seq DESC`

/** $1 before, $2 limit. */
export const LIST = ended(`
  SELECT ${FORMULA} FROM formula_intake.formulas WHERE seq < $1 AND attempt IS NULL ORDER BY seq DESC LIMIT $2`)

const HAS_PREFIX = `search >= $1 AND search < $2`

/** Counts up to a limit. $1 the prefix, $2 what sorts behind all that begins so, $3 limit. */
export const COUNT_BY_NAME = `
SELECT pg_catalog.count(*) AS count FROM (
  SELECT FROM formula_intake.formulas WHERE ${HAS_PREFIX} ORDER BY search LIMIT $3
) AS counted`

const FEW = ended(`
  SELECT ${FORMULA} FROM formula_intake.formulas
  WHERE seq = ANY (ARRAY(SELECT seq FROM named WHERE seq < $3 AND attempt IS NULL ORDER BY seq DESC LIMIT $4))`)

/** By way of the names, all of them. $1 the prefix, $2 what sorts behind all that begins so, $3 before, $4 limit. */
export const LIST_FEW_BY_NAME = `
WITH named AS MATERIALIZED (SELECT seq, attempt FROM formula_intake.formulas WHERE ${HAS_PREFIX})
${FEW}`

const MANY = ended(`
  SELECT ${FORMULA} FROM formula_intake.formulas WHERE seq = ANY (ARRAY(SELECT seq FROM matching))`)

/**
 * By way of the order of acceptance, as far as a limit; the last row says where that was, and is no formula. $1 the prefix,
 * $2 what sorts behind all that begins so, $3 before, $4 limit, $5 how many rows to look at.
 */
export const LIST_MANY_BY_NAME = `
WITH walked AS MATERIALIZED (
  SELECT seq, search, attempt FROM formula_intake.formulas WHERE seq < $3 ORDER BY seq DESC LIMIT $5
), matching AS (
  SELECT seq FROM walked WHERE ${HAS_PREFIX} AND attempt IS NULL ORDER BY seq DESC LIMIT $4
)
SELECT * FROM (${MANY}) AS shown
UNION ALL SELECT NULL, NULL, NULL, NULL, pg_catalog.min(seq), NULL FROM walked HAVING pg_catalog.count(*) = $5
ORDER BY seq DESC, id`
