const FORMULA = `pg_catalog.encode(fingerprint, 'hex') AS id, name, materials, created_at, seq`

/** $1 fingerprint in hex. */
export const GET = `
SELECT ${FORMULA} FROM formula_intake.formulas WHERE fingerprint = pg_catalog.decode($1, 'hex') AND attempt IS NULL`

/** $1 before, $2 limit. */
export const LIST = `
SELECT ${FORMULA} FROM formula_intake.formulas WHERE seq < $1 AND attempt IS NULL ORDER BY seq DESC LIMIT $2`

/** $1 before, $2 limit, $3 the prefix, $4 what sorts behind all that begins so. */
export const LIST_BY_NAME = `
SELECT ${FORMULA} FROM formula_intake.formulas
WHERE search >= $3 AND search < $4 AND seq < $1 AND attempt IS NULL ORDER BY seq DESC LIMIT $2`
