const FORMULA = `pg_catalog.encode(fingerprint, 'hex') AS id, name, materials, created_at, seq`

/** $1 fingerprint in hex. */
export const GET = `
SELECT ${FORMULA} FROM formula_intake.formulas WHERE fingerprint = pg_catalog.decode($1, 'hex') AND attempt IS NULL`

/** $1 before, $2 limit. */
export const LIST = `
SELECT ${FORMULA} FROM formula_intake.formulas WHERE seq < $1 AND attempt IS NULL ORDER BY seq DESC LIMIT $2`

const HAS_PREFIX = `search >= $1 AND search < $2`

/** Counts up to a limit. $1 the prefix, $2 what sorts behind all that begins so, $3 limit. */
export const COUNT_BY_NAME = `
SELECT pg_catalog.count(*) AS count FROM (
  SELECT FROM formula_intake.formulas WHERE ${HAS_PREFIX} ORDER BY search LIMIT $3
) AS counted`

/** By way of the names, all of them. $1 the prefix, $2 what sorts behind all that begins so, $3 before, $4 limit. */
export const LIST_FEW_BY_NAME = `
WITH named AS MATERIALIZED (SELECT seq, attempt FROM formula_intake.formulas WHERE ${HAS_PREFIX})
SELECT ${FORMULA} FROM formula_intake.formulas
WHERE seq = ANY (ARRAY(SELECT seq FROM named WHERE seq < $3 AND attempt IS NULL ORDER BY seq DESC LIMIT $4))
ORDER BY seq DESC`

/**
 * By way of the order of acceptance, as far as a limit; the last row says where that was, and is no formula. $1 the prefix,
 * $2 what sorts behind all that begins so, $3 before, $4 limit, $5 how many rows to look at.
 */
export const LIST_MANY_BY_NAME = `
WITH walked AS MATERIALIZED (
  SELECT seq, search, attempt FROM formula_intake.formulas WHERE seq < $3 ORDER BY seq DESC LIMIT $5
), found AS (
  SELECT seq FROM walked WHERE ${HAS_PREFIX} AND attempt IS NULL ORDER BY seq DESC LIMIT $4
)
SELECT ${FORMULA} FROM formula_intake.formulas WHERE seq = ANY (ARRAY(SELECT seq FROM found))
UNION ALL SELECT NULL, NULL, NULL, NULL, pg_catalog.min(seq) FROM walked HAVING pg_catalog.count(*) = $5
ORDER BY seq DESC, id`
