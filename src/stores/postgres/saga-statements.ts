import { DURABLE, NOW } from './database.ts'

const INTENT = `id, state, event_ids, event_bodies, event_at, added, status, kept, reason, attempts, decided_at,
  next_attempt_at`

/**
 * Where the decision on an attempt stands. With a lock, which a server refuses that is no longer the primary one: what it
 * has may be old, and what is taken for abandoned is removed. $1 id of the attempt.
 */
export const INTENT_BY_ID = `SELECT ${INTENT} FROM formula_intake.intents WHERE id = $1 FOR UPDATE`

/** The commit point of a saga; see functions.ts. $1 time, $2 attempt, $3 how long answers are kept, $4 head start. */
export const COMPLETE = `SELECT formula_intake.complete($1, $2, $3, $4)`

/** An attempt that was never added is refused from then on. $1 time, $2 attempt, $3 reason, $4 head start. */
export const ABANDON = `
WITH decided AS (
  INSERT INTO formula_intake.intents AS own (id, state, decided_at, next_attempt_at, held_until)
  VALUES ($2, 'removed', ${NOW}, 0, 0)
  ON CONFLICT (id) DO UPDATE
  SET state = 'rolling-back', reason = $3, decided_at = ${NOW}, next_attempt_at = ${NOW} + $4::bigint, held_until = 0
  WHERE own.state = 'pending'
)
SELECT ${DURABLE}`

/** What is left is a tombstone. $1 time, $2 attempt. */
export const REMOVE = `
WITH gone AS (
  INSERT INTO formula_intake.intents AS own (id, state, decided_at, next_attempt_at, held_until)
  VALUES ($2, 'removed', ${NOW}, 0, 0)
  ON CONFLICT (id) DO UPDATE SET state = 'removed', event_ids = '{}', event_bodies = '{}',
    kept = NULL, decided_at = ${NOW}
  WHERE own.state <> 'completed'
  RETURNING id
), formulas AS (
  DELETE FROM formula_intake.formulas WHERE attempt IN (SELECT id FROM gone)
), answers AS (
  DELETE FROM formula_intake.answers WHERE attempt IN (SELECT id FROM gone)
)
SELECT ${DURABLE}`

export const FINISH = `DELETE FROM formula_intake.intents WHERE id = $1 AND state = 'completed'`

/** $1 time, $2 how old, $3 limit. */
export const SWEEP_TOMBSTONES = `
DELETE FROM formula_intake.intents
WHERE id = ANY (ARRAY(SELECT id FROM formula_intake.intents WHERE state = 'removed' AND decided_at < ${NOW} - $2::bigint
  ORDER BY decided_at LIMIT $3 FOR UPDATE SKIP LOCKED))
RETURNING 1`

/** $1 time, $2 attempts that this instance runs or works off, $3 how long it is trusted to do so. */
export const RENEW = `
UPDATE formula_intake.intents SET held_until = ${NOW} + $3::bigint
WHERE id = ANY ($2::text[]) AND (state = 'pending' OR held_until > ${NOW})`

/** Decides the rollback of attempts whose owner is not heard of any more. $1 time, $2 reason. */
export const ADOPT = `
UPDATE formula_intake.intents
SET state = 'rolling-back', reason = $2, decided_at = ${NOW}, next_attempt_at = ${NOW}, held_until = 0
WHERE state = 'pending' AND held_until <= ${NOW}
RETURNING 1`

/** What is decided and not held by another instance. $1 time. */
export const HASTEN = `
UPDATE formula_intake.intents SET next_attempt_at = ${NOW}
WHERE state IN ('completed', 'rolling-back') AND next_attempt_at > ${NOW} AND held_until <= ${NOW}`

/** $1 limit. */
export const CLEANUPS = `
SELECT ${INTENT} FROM formula_intake.intents WHERE state = 'rolling-back' ORDER BY decided_at, id LIMIT $1`

/** Takes what is due, so that no other instance works on it as well. $1 time, $2 limit, $3 for how long. */
export const DUE = `
WITH due AS (
  UPDATE formula_intake.intents SET held_until = ${NOW} + $3::bigint
  WHERE id = ANY (ARRAY(
    SELECT id FROM formula_intake.intents
    WHERE state IN ('completed', 'rolling-back') AND next_attempt_at <= ${NOW} AND held_until <= ${NOW}
    ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED
  ))
  RETURNING *
)
SELECT ${INTENT} FROM due ORDER BY next_attempt_at`

export const OLDEST_COMPLETED = `
SELECT pg_catalog.min(decided_at)::bigint AS at FROM formula_intake.intents WHERE state = 'completed'`

/** $1 time, $2 id, $3 reason, $4 after how long it is tried again. */
export const POSTPONE = `
UPDATE formula_intake.intents
SET attempts = attempts + 1, reason = $3, next_attempt_at = ${NOW} + $4::bigint, held_until = 0
WHERE id = $2 AND state IN ('completed', 'rolling-back')`

/** $1 time, $2 id. */
export const RETRY = `
UPDATE formula_intake.intents SET next_attempt_at = ${NOW}, held_until = 0
WHERE id = $2 AND state = 'rolling-back' RETURNING 1`
