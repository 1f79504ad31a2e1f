import { DURABLE } from './database.ts'
import { NOW } from './time.ts'

/**
 * Stores a batch of submissions in one round trip and one transaction; see functions.ts. $1 time, $2 id of the write, $3
 * how long answers are kept, $4 how long the owner of an intent is trusted to be alive, then a column each: $5–$14
 * members, $15–$20 formulas.
 */
export const WRITE = `
SELECT formula_intake.write_2(
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
) AS refused`

/** Frees the slots of answers that have expired. $1 time, $2 slots. */
export const FREE_EXPIRED = `
DELETE FROM formula_intake.answers WHERE slot = ANY ($2::uuid[]) AND attempt IS NULL AND expires_at <= ${NOW}`

/** What holds slots: an answer, or a submission that runs. $1 slots. */
export const ANSWERS = `
SELECT slot, pg_catalog.encode(payload, 'hex') AS payload, submission, answers.status, answers.location, answers.body,
  attempt, intents.state
FROM formula_intake.answers LEFT JOIN formula_intake.intents ON intents.id = attempt
WHERE slot = ANY ($1::uuid[])`

/** What holds make-ups: a formula that is stored, or one that is pending. $1 fingerprints in hex. */
export const FORMULAS = `
SELECT pg_catalog.encode(fingerprint, 'hex') AS id, name, materials, created_at, attempt, intents.state
FROM formula_intake.formulas LEFT JOIN formula_intake.intents ON intents.id = attempt
WHERE fingerprint = ANY (ARRAY(SELECT pg_catalog.decode(id, 'hex') FROM pg_catalog.unnest($1::text[]) AS given (id)))`

/** $1 ids of attempts. */
export const INTENTS = `
SELECT id, state, events FROM formula_intake.intents WHERE id = ANY ($1::text[])`

/**
 * Makes a write void unless it took effect, so that it never will; waits for one under way. $1 time, $2 id of the write.
 */
export const MAKE_VOID = `
WITH write AS (
  INSERT INTO formula_intake.writes AS w VALUES ($2::uuid, ${NOW}, true)
  ON CONFLICT (id) DO UPDATE SET void = w.void RETURNING void
)
SELECT void, ${DURABLE} FROM write`

/** $1 time, $2 how old, $3 limit. */
export const SWEEP_WRITES = `
DELETE FROM formula_intake.writes
WHERE id = ANY (ARRAY(SELECT id FROM formula_intake.writes WHERE at < ${NOW} - $2::bigint ORDER BY at LIMIT $3
  FOR UPDATE SKIP LOCKED))
RETURNING 1`

/** An answer that has been given and has not expired. $1 time, $2 slot. */
export const FIND = `
SELECT pg_catalog.encode(payload, 'hex') AS payload, submission, status, location, body FROM formula_intake.answers
WHERE slot = $2 AND attempt IS NULL AND expires_at > ${NOW}`

/** $1 time, $2 limit. */
export const SWEEP_ANSWERS = `
DELETE FROM formula_intake.answers
WHERE slot = ANY (ARRAY(SELECT slot FROM formula_intake.answers WHERE expires_at <= ${NOW} AND attempt IS NULL
  ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1`
