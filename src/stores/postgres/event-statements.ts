import { DURABLE } from './database.ts'
import { NOW } from './time.ts'

const EVENT = `id, name, created_at, receives, traceparent`

/** $1 time, $2 how many, $3 how long, $4 most receives, $5 and $6 where the queue and the leases begin. */
export const RECEIVE = `
SELECT receipt, leased_until, position, pg_catalog.encode(id, 'hex') AS id, name, created_at, receives, traceparent,
  rank, now
FROM formula_intake.receive_2($1, $2, $3, $4, $5, $6)`

/** In how many milliseconds the next lease or delay ends. $1 time. */
export const NEXT_DUE = `
SELECT least(
  (SELECT pg_catalog.min(leased_until) FROM formula_intake.leased WHERE leased_until > ${NOW}),
  (SELECT pg_catalog.min(due) FROM formula_intake.delayed WHERE due > ${NOW})
)::bigint - ${NOW} AS due_ms`

/** $1 time, $2 most receives, $3 where the leases begin. */
export const MOVE_DUE = `SELECT formula_intake.move_due($1, $2, $3) AS now`

/** $1 time, $2 receipts. */
export const ACK = `SELECT receipt FROM formula_intake.ack($1, $2) AS receipt`

/** $1 time, $2 receipts, $3 delay, $4 most receives. */
export const NACK = `
WITH given AS (
  DELETE FROM formula_intake.leased WHERE receipt = ANY ($2::uuid[]) AND leased_until > ${NOW} RETURNING *
), buried AS (
  INSERT INTO formula_intake.dead (${EVENT}, died_at, reason)
  SELECT ${EVENT}, ${NOW}, 'nacked' FROM given WHERE receives >= $4
  ORDER BY pg_catalog.array_position($2::uuid[], receipt)
), delayed AS (
  INSERT INTO formula_intake.delayed (position, ${EVENT}, due)
  SELECT position, ${EVENT}, ${NOW} + $3::bigint FROM given WHERE receives < $4 AND $3 > 0
), returned AS (
  INSERT INTO formula_intake.returned SELECT position, ${EVENT} FROM given WHERE receives < $4 AND $3 = 0
)
SELECT receipt, ${DURABLE} FROM given`

/** $1 time, $2 receipts. */
export const PUT_BACK = `
WITH given AS (
  DELETE FROM formula_intake.leased WHERE receipt = ANY ($2::uuid[]) AND leased_until > ${NOW} RETURNING *
), returned AS (
  INSERT INTO formula_intake.returned SELECT position, id, name, created_at, receives - 1, traceparent FROM given
)
SELECT receipt, ${DURABLE} FROM given`

/** $1 time, $2 fingerprints in hex. Looks through the leases: an index would cost each of them more than a rare call does. */
export const END_LEASES = `
WITH given AS (
  DELETE FROM formula_intake.leased
  WHERE id = ANY (ARRAY(SELECT pg_catalog.decode(wanted, 'hex') FROM pg_catalog.unnest($2::text[]) AS wanted))
    AND leased_until > ${NOW}
  RETURNING *
), returned AS (
  INSERT INTO formula_intake.returned SELECT position, id, name, created_at, receives - 1, traceparent FROM given
)
SELECT pg_catalog.count(*) AS ended, ${DURABLE} FROM given`

/** $1 time, $2 receipts, $3 how long. */
export const EXTEND = `
UPDATE formula_intake.leased SET leased_until = ${NOW} + $3::bigint
WHERE receipt = ANY ($2::uuid[]) AND leased_until > ${NOW} RETURNING receipt, leased_until, ${DURABLE}`

/** $1 time. */
export const STATS = `
SELECT
  (SELECT pg_catalog.count(*) FROM formula_intake.ready)
    + (SELECT pg_catalog.count(*) FROM formula_intake.returned) AS ready,
  (SELECT pg_catalog.count(*) FROM formula_intake.leased) AS leased,
  (SELECT pg_catalog.count(*) FROM formula_intake.delayed) AS delayed,
  (SELECT pg_catalog.count(*) FROM formula_intake.dead) AS dead,
  ${NOW} AS now,
  coalesce(
    (SELECT created_at FROM formula_intake.returned ORDER BY position LIMIT 1),
    (SELECT created_at FROM formula_intake.ready ORDER BY position LIMIT 1)
  ) AS oldest`

/** $1 before, $2 limit. */
export const DEAD = `
SELECT seq, pg_catalog.encode(id, 'hex') AS id, name, created_at, receives, died_at, reason, traceparent
FROM formula_intake.dead
WHERE seq < $1 ORDER BY seq DESC LIMIT $2`

/** $1 fingerprints in hex; all when null. */
export const REDRIVE = `
WITH gone AS (
  DELETE FROM formula_intake.dead
  WHERE $1::text[] IS NULL OR id = ANY (ARRAY(
    SELECT pg_catalog.decode(given, 'hex') FROM pg_catalog.unnest($1::text[]) AS given
  ))
  RETURNING *
), back AS (
  INSERT INTO formula_intake.ready
  SELECT pg_catalog.nextval('formula_intake.acceptance'), id, name, created_at, 0, traceparent
  FROM (SELECT * FROM gone ORDER BY seq) AS gone
)
SELECT pg_catalog.count(*) AS redriven, ${DURABLE} FROM gone`

/** $1 fingerprint in hex. */
export const REMOVE_DEAD = `DELETE FROM formula_intake.dead WHERE id = pg_catalog.decode($1, 'hex') RETURNING ${DURABLE}`

/** An attempt's mark, locked; it is made unless it is there. $1 time, $2 attempt, $3 state. */
export const MARK = `
INSERT INTO formula_intake.marks AS mark VALUES ($2, $3, ${NOW})
ON CONFLICT (attempt) DO UPDATE SET state = mark.state RETURNING state, xmax = 0 AS is_new`

/** $1 time, $2 attempt, $3 state. */
export const SET_MARK = `UPDATE formula_intake.marks SET state = $3, at = ${NOW} WHERE attempt = $2`

/** $1 attempt, $2 fingerprints in hex, $3 names, $4 times, $5 traceparents. */
export const HOLD = `
INSERT INTO formula_intake.held
SELECT $1, ordinal, pg_catalog.decode(id, 'hex'), name, created_at, traceparent
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) WITH ORDINALITY
  AS event (id, name, created_at, traceparent, ordinal)`

/** $1 attempt. */
export const SHOW_HELD = `
WITH shown AS (DELETE FROM formula_intake.held WHERE attempt = $1 RETURNING *)
INSERT INTO formula_intake.ready
SELECT pg_catalog.nextval('formula_intake.acceptance'), id, name, created_at, 0, traceparent
FROM (SELECT * FROM shown ORDER BY ordinal) AS shown`

/** $1 attempt. */
export const REMOVE_HELD = `DELETE FROM formula_intake.held WHERE attempt = $1`

/** $1 how old in milliseconds since the epoch, $2 limit. */
export const SWEEP_MARKS = `
DELETE FROM formula_intake.marks
WHERE attempt = ANY (ARRAY(SELECT attempt FROM formula_intake.marks WHERE state <> 'held' AND at < $1
  ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1`
