import { ANSWER_BYTES } from '../kept-answer.ts'
import { DURABLE, NOW } from './database.ts'

/**
 * Stores a batch of submissions in one round trip and one transaction; see functions.ts. $1 time, $2 id of the write, $3
 * how long answers are kept, $4 how long the owner of an intent is trusted to be alive, then a column each: $5–$13
 * members, $14–$18 formulas.
 */
export const WRITE = `
SELECT formula_intake.write(
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18
) AS refused`

/** Frees the slots of answers that have expired. $1 time, $2 slots. */
export const FREE_EXPIRED = `
DELETE FROM formula_intake.answers WHERE slot = ANY ($2::uuid[]) AND attempt IS NULL AND expires_at <= ${NOW}`

/** What holds slots: an answer, or a submission that runs. $1 slots. */
export const ANSWERS = `
SELECT slot, pg_catalog.encode(payload, 'hex') AS payload, submission, answers.status, answers.kept, answers.added,
  attempt, intents.state
FROM formula_intake.answers LEFT JOIN formula_intake.intents ON intents.id = attempt
WHERE slot = ANY ($1::uuid[])`

/**
 * What holds compositions: a formula that is stored, or one that is pending. A document is left out where its answer does
 * not show it. $1 fingerprints in hex, in the order of answers, $2 the answers they are for, $3 whether it has documents.
 */
export const FORMULAS = `
SELECT id, seq, attempt, state, CASE WHEN has_documents AND bytes_before < ${ANSWER_BYTES} THEN document ELSE '' END
    AS document
FROM (
  SELECT wanted.id, wanted.has_documents, seq, document, attempt, intents.state,
    coalesce(pg_catalog.sum(pg_catalog.octet_length(document)) OVER (PARTITION BY answer ORDER BY ordinal
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
  FROM unnest($1::text[], $2::integer[], $3::boolean[]) WITH ORDINALITY AS wanted (id, answer, has_documents, ordinal)
    JOIN formula_intake.formulas ON fingerprint = pg_catalog.decode(wanted.id, 'hex')
    LEFT JOIN formula_intake.intents ON intents.id = attempt
) AS found`

/**
 * The formulas of kept answers, without the documents of duplicates that they do not show. $1 sequence numbers in the
 * order of the answers, $2 the answers they are for, $3 whether they are shown in any case.
 */
export const REFERRED_TO = `
SELECT pg_catalog.encode(fingerprint, 'hex') AS id, seq,
  CASE WHEN is_shown OR bytes_before < ${ANSWER_BYTES} THEN document ELSE '' END AS document
FROM (
  SELECT fingerprint, wanted.seq, document, is_shown,
    coalesce(pg_catalog.sum(pg_catalog.octet_length(document)) OVER (PARTITION BY answer ORDER BY ordinal
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
  FROM unnest($1::bigint[], $2::integer[], $3::boolean[]) WITH ORDINALITY AS wanted (seq, answer, is_shown, ordinal)
    JOIN formula_intake.formulas ON formulas.seq = wanted.seq AND attempt IS NULL
) AS found`

/** $1 ids of attempts. */
export const INTENTS = `
SELECT id, state, event_ids, event_bodies, event_at, added FROM formula_intake.intents WHERE id = ANY ($1::text[])`

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
SELECT pg_catalog.encode(payload, 'hex') AS payload, submission, status, kept, added FROM formula_intake.answers
WHERE slot = $2 AND attempt IS NULL AND expires_at > ${NOW}`

/** $1 time, $2 limit. */
export const SWEEP_ANSWERS = `
DELETE FROM formula_intake.answers
WHERE slot = ANY (ARRAY(SELECT slot FROM formula_intake.answers WHERE expires_at <= ${NOW} AND attempt IS NULL
  ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1`
