import { DURABLE, NOW } from './database.ts'

const EVENT = `pg_catalog.encode(fingerprint, 'hex') AS id, formula, at, body`

/** $1 time, $2 subscription, $3 how many, $4 how long, $5 most receives. */
export const RECEIVE = `
SELECT subscription, position, nonce, leased_until, receives, ${EVENT} FROM formula_intake.receive($1, $2, $3, $4, $5)`

/** In how many milliseconds the next lease or delay ends. $1 time, $2 subscription. */
export const NEXT_DUE = `
SELECT least(
  (SELECT pg_catalog.min(rank) FROM formula_intake.deliveries
    WHERE subscription = own.id AND state = 'leased' AND rank > ${NOW}),
  (SELECT pg_catalog.min(rank) FROM formula_intake.deliveries
    WHERE subscription = own.id AND state = 'delayed' AND rank > ${NOW})
)::bigint - ${NOW} AS due_ms
FROM formula_intake.subscriptions AS own WHERE name = $2`

/** $1 time, $2 subscription, all of them when null, $3 most receives. */
export const MOVE_DUE = `SELECT formula_intake.move_due($1, $2, $3)`

/** Of receipts: $1 time, $2 subscriptions, $3 positions, $4 nonces. */
export const ACK = `SELECT nonce FROM formula_intake.ack($1, $2, $3, $4) AS nonce`

/** As ACK, $5 delay, $6 what is said, $7 most receives. */
export const NACK = `SELECT nonce FROM formula_intake.nack($1, $2, $3, $4, $5, $6, $7) AS nonce`

/** As ACK. */
export const PUT_BACK = `SELECT nonce FROM formula_intake.put_back($1, $2, $3, $4) AS nonce`

/** As ACK, $5 how long. */
export const EXTEND = `SELECT nonce, leased_until FROM formula_intake.extend($1, $2, $3, $4, $5)`

/** $1 time, $2 subscription, $3 fingerprints in hex. */
export const END_LEASES = `SELECT formula_intake.end_leases($1, $2, $3) AS ended`

/** $1 time, $2 subscription, all of them when null. */
export const STATS = `
SELECT name, created_at, paused, ready, leased, delayed, dead, oldest, now FROM formula_intake.stats($1, $2)`

/** $1 subscription, $2 before, $3 limit. */
export const DEAD = `
SELECT rank, receives, died_at, reason, detail, ${EVENT} FROM formula_intake.deliveries
WHERE subscription = (SELECT id FROM formula_intake.subscriptions WHERE name = $1) AND state = 'dead' AND rank < $2
ORDER BY rank DESC LIMIT $3`

/** $1 time, $2 subscription, $3 fingerprints in hex, all when null, $4 most receives. */
export const REDRIVE = `SELECT formula_intake.redrive($1, $2, $3, $4) AS redriven`

/** $1 subscription, $2 fingerprint in hex. */
export const REMOVE_DEAD = `
DELETE FROM formula_intake.deliveries
WHERE subscription = (SELECT id FROM formula_intake.subscriptions WHERE name = $1) AND state = 'dead'
  AND fingerprint = pg_catalog.decode($2, 'hex')
RETURNING ${DURABLE}`

/** $1 time, $2 name, $3 since when, the end when null, $4 most subscriptions. */
export const SUBSCRIBE = `SELECT formula_intake.subscribe($1, $2, $3, $4) AS outcome`

/** $1 name. */
export const UNSUBSCRIBE = `SELECT formula_intake.unsubscribe($1) AS gone`

/** $1 name, $2 since when, the end when null. */
export const SEEK = `SELECT formula_intake.seek($1, $2)`

/** $1 name, $2 whether it pauses. */
export const PAUSE = `UPDATE formula_intake.subscriptions SET paused = $2 WHERE name = $1 RETURNING ${DURABLE}`

/** $1 how old in milliseconds since the epoch, $2 limit. */
export const TRIM = `SELECT formula_intake.trim_log($1, $2) AS trimmed`

/** $1 fingerprint in hex, $2 sequence number of the formula. */
export const ERASE = `SELECT formula_intake.erase($1, $2)`

/** An attempt's mark, locked; it is made unless it is there. $1 time, $2 attempt, $3 state. */
export const MARK = `
INSERT INTO formula_intake.marks AS mark VALUES ($2, $3, ${NOW})
ON CONFLICT (attempt) DO UPDATE SET state = mark.state RETURNING state, xmax = 0 AS is_new`

/** $1 time, $2 attempt, $3 state. */
export const SET_MARK = `UPDATE formula_intake.marks SET state = $3, at = ${NOW} WHERE attempt = $2`

/** $1 attempt, $2 fingerprints in hex, $3 times, $4 bodies. */
export const HOLD = `
INSERT INTO formula_intake.held
SELECT $1, ordinal, pg_catalog.decode(id, 'hex'), at, body
FROM unnest($2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY AS event (id, at, body, ordinal)`

/** $1 time, $2 attempt, $3 fingerprints in hex, $4 sequence numbers of formulas, $5 times, $6 bodies. */
export const RELEASE = `SELECT formula_intake.release($1, $2, $3, $4, $5, $6)`

/** $1 attempt. */
export const REMOVE_HELD = `DELETE FROM formula_intake.held WHERE attempt = $1`

/** $1 how old in milliseconds since the epoch, $2 limit. */
export const SWEEP_MARKS = `
DELETE FROM formula_intake.marks
WHERE attempt = ANY (ARRAY(SELECT attempt FROM formula_intake.marks WHERE state <> 'held' AND at < $1
  ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1`
