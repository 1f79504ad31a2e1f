import { CONFIRMED, DURABLE, givenOrNow, NO_SUBSCRIPTION } from './database.ts'
import { PLANNED_ONCE, READ_COMMITTED } from './functions.ts'

/** Evaluated after all locks are taken, so that times follow the order in which a lock was held. */
export const NOW = givenOrNow('given_time', 'clock')

/** The ended leases and delays of the subscription `own` that were not moved yet. */
const DUE = `subscription = own.id AND state IN ('leased', 'delayed') AND rank > own.due_after AND rank <= now_ms`
const IS_DUE = `EXISTS (SELECT FROM formula_intake.deliveries WHERE ${DUE})`

const UNKNOWN_SUBSCRIPTION = `RAISE EXCEPTION '%', wanted USING ERRCODE = '${NO_SUBSCRIPTION}';`

/** The copy of its event `e` that a delivery `d` gets when it dies. */
const COPIED = `fingerprint = coalesce(d.fingerprint, e.fingerprint), formula = coalesce(d.formula, e.formula),
    at = coalesce(d.at, e.at), body = coalesce(d.body, e.body)`

/** The given receipts as rows `r`, numbered in the given order. */
const RECEIPTS = `unnest(readers, positions, nonces) WITH ORDINALITY AS r (subscription, position, nonce, ordinal)`
/** Whether receipt `r` still holds the lease of delivery `d`. Only leased ones have a nonce, and their rank is the lease's end. */
const HOLDS = `d.subscription = r.subscription AND d.position = r.position AND d.nonce = r.nonce
  AND d.rank > now_ms`

/** Locks the subscriptions before due times change, so that no other transaction looks for due deliveries meanwhile. */
const LOCK_READERS = `PERFORM FROM formula_intake.subscriptions WHERE id = ANY (readers) ORDER BY id FOR UPDATE;`
/** After a clock was set back, a new due time may lie before `due_after`. */
const LOOK_AGAIN = `
  UPDATE formula_intake.subscriptions SET due_after = now_ms WHERE id = ANY (readers) AND due_after > now_ms;`

/** After the statement that returns the receipts which held their lease. */
const CONFIRM_REFUSAL = `
  IF NOT FOUND THEN
    PERFORM ${CONFIRMED};
  END IF;`

/** Locks a subscription. Later statements see all that earlier holders of the lock committed. */
const LOCK = `
CREATE OR REPLACE FUNCTION formula_intake.lock_subscription(wanted text)
RETURNS formula_intake.subscriptions ${PLANNED_ONCE} AS $$
DECLARE
  own formula_intake.subscriptions;
BEGIN
  ${READ_COMMITTED}
  SELECT * INTO own FROM formula_intake.subscriptions WHERE name = wanted FOR UPDATE;
  IF NOT FOUND THEN
    ${UNKNOWN_SUBSCRIPTION}
  END IF;
  RETURN own;
END $$`

/** For a locked subscription: moves ended leases and delays to the front, and ended last leases to the dead letters. */
const END_DUE = `
CREATE OR REPLACE FUNCTION formula_intake.end_due(own formula_intake.subscriptions, now_ms bigint, most_receives integer)
RETURNS void ${PLANNED_ONCE} AS $$
BEGIN
  UPDATE formula_intake.deliveries AS d
  SET state = 'dead', rank = ended.death, nonce = NULL, died_at = ended.rank, reason = 'expired',
    ${COPIED}
  FROM (
    SELECT position, rank, nextval('formula_intake.deaths') AS death FROM (
      SELECT position, rank FROM formula_intake.deliveries
      WHERE subscription = own.id AND state = 'leased' AND rank > own.due_after AND rank <= now_ms
        AND receives >= most_receives
      ORDER BY rank, position FOR UPDATE
    ) AS last_ones
  ) AS ended LEFT JOIN formula_intake.events AS e USING (position)
  WHERE d.subscription = own.id AND d.position = ended.position;

  UPDATE formula_intake.deliveries SET state = 'returned', rank = position, nonce = NULL WHERE ${DUE};

  UPDATE formula_intake.subscriptions SET due_after = now_ms WHERE id = own.id;
END $$`

/** Moves ended leases and delays of one subscription, or of all when `wanted` is null. Locks only where some ended. */
const MOVE_DUE = `
CREATE OR REPLACE FUNCTION formula_intake.move_due(given_time bigint, wanted text, most_receives integer)
RETURNS void ${PLANNED_ONCE} AS $$
DECLARE
  own formula_intake.subscriptions;
  now_ms bigint := ${NOW};
BEGIN
  FOR own IN SELECT * FROM formula_intake.subscriptions WHERE wanted IS NULL OR name = wanted ORDER BY id LOOP
    IF ${IS_DUE} THEN
      ${READ_COMMITTED}
      SELECT * INTO own FROM formula_intake.subscriptions WHERE id = own.id FOR UPDATE;
      IF FOUND THEN
        PERFORM formula_intake.end_due(own, ${NOW}, most_receives);
      END IF;
    END IF;
  END LOOP;
  IF wanted IS NOT NULL AND NOT FOUND THEN
    ${UNKNOWN_SUBSCRIPTION}
  END IF;
END $$`

const LEASED_COLUMNS = `
  subscription integer, "position" bigint, nonce uuid, leased_until bigint, receives integer,
  fingerprint bytea, formula bigint, at bigint, body text`

/** For a locked subscription: leases returned deliveries, or redriven ones whose turn has come. */
const LEASE_AGAIN = `
CREATE OR REPLACE FUNCTION formula_intake.lease_again(
  own formula_intake.subscriptions, from_state text, most integer, until_ms bigint
) RETURNS TABLE (${LEASED_COLUMNS}) ${PLANNED_ONCE} AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH again AS (
    UPDATE formula_intake.deliveries AS d
    SET state = 'leased', rank = until_ms, nonce = gen_random_uuid(), receives = d.receives + 1, behind = NULL
    FROM (
      SELECT position, rank FROM formula_intake.deliveries
      WHERE subscription = own.id AND state = from_state AND state <> '' AND coalesce(behind, 0) <= own.position
      ORDER BY rank LIMIT most
    ) AS first
    WHERE d.subscription = own.id AND d.position = first.position
    RETURNING first.rank AS place, d.*
  )
  SELECT own.id, a.position, a.nonce, a.rank, a.receives, coalesce(a.fingerprint, e.fingerprint),
    coalesce(a.formula, e.formula), coalesce(a.at, e.at), coalesce(a.body, e.body)
  FROM again AS a LEFT JOIN formula_intake.events AS e ON e.position = a.position AND a.fingerprint IS NULL
  ORDER BY place;
END $$`

/**
 * For a locked subscription: leases events of the log after its position, at most to `up_to` unless that is null, and
 * moves the position, never beyond what this statement has seen.
 */
const LEASE_NEXT = `
CREATE OR REPLACE FUNCTION formula_intake.lease_next(
  own formula_intake.subscriptions, up_to bigint, most integer, until_ms bigint, now_ms bigint
) RETURNS TABLE (${LEASED_COLUMNS}) ${PLANNED_ONCE} AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH next AS MATERIALIZED (
    SELECT position, gen_random_uuid() AS nonce, fingerprint, formula, at, body FROM formula_intake.events
    WHERE position > own.position AND position <= coalesce(up_to, 9223372036854775807) AND fingerprint IS NOT NULL
    ORDER BY position LIMIT most
  ), leased AS (
    INSERT INTO formula_intake.deliveries (subscription, position, state, rank, receives, nonce)
    SELECT own.id, position, 'leased', until_ms, 1, nonce FROM next
  ), moved AS (
    UPDATE formula_intake.subscriptions SET due_after = now_ms, position = CASE
      WHEN (SELECT count(*) FROM next) = most THEN (SELECT max(position) FROM next)
      ELSE coalesce(up_to, greatest(position, (SELECT max(position) FROM formula_intake.events))) END
    WHERE id = own.id
  )
  SELECT own.id, position, nonce, until_ms, 1, fingerprint, formula, at, body FROM next ORDER BY position;
END $$`

/**
 * Leases events: returned ones first, then the log. A redriven event comes after the events that were in the log when it was
 * redriven, before those added later. Locks nothing when nothing is ready.
 */
const RECEIVE = `
CREATE OR REPLACE FUNCTION formula_intake.receive(
  given_time bigint, wanted text, most integer, lease_ms bigint, most_receives integer
) RETURNS TABLE (${LEASED_COLUMNS}) ${PLANNED_ONCE} AS $$
#variable_conflict use_column
DECLARE
  own formula_intake.subscriptions;
  now_ms bigint := ${NOW};
  up_to bigint;
  got bigint;
BEGIN
  SELECT * INTO own FROM formula_intake.subscriptions WHERE name = wanted;
  IF NOT FOUND THEN
    ${UNKNOWN_SUBSCRIPTION}
  END IF;
  IF own.paused OR NOT (
    EXISTS (SELECT FROM formula_intake.events WHERE position > own.position)
    OR EXISTS (SELECT FROM formula_intake.deliveries WHERE subscription = own.id AND state IN ('returned', 'redriven'))
    OR ${IS_DUE}
  ) THEN
    RETURN;
  END IF;
  own := formula_intake.lock_subscription(wanted);
  IF own.paused THEN
    RETURN;
  END IF;
  PERFORM ${DURABLE};
  now_ms := ${NOW};
  IF own.due_after > now_ms THEN
    -- The clock was set back.
    own.due_after := now_ms;
    UPDATE formula_intake.subscriptions SET due_after = now_ms WHERE id = own.id;
  END IF;
  IF ${IS_DUE} THEN
    PERFORM formula_intake.end_due(own, now_ms, most_receives);
  END IF;
  IF EXISTS (SELECT FROM formula_intake.deliveries WHERE subscription = own.id AND state = 'returned') THEN
    RETURN QUERY SELECT * FROM formula_intake.lease_again(own, 'returned', most, now_ms + lease_ms);
    GET DIAGNOSTICS got = ROW_COUNT;
    most := most - got;
  END IF;
  WHILE most > 0 LOOP
    up_to := (
      SELECT behind FROM formula_intake.deliveries WHERE subscription = own.id AND state = 'redriven' ORDER BY rank LIMIT 1
    );
    IF up_to <= own.position THEN
      RETURN QUERY SELECT * FROM formula_intake.lease_again(own, 'redriven', most, now_ms + lease_ms);
      GET DIAGNOSTICS got = ROW_COUNT;
    ELSE
      RETURN QUERY SELECT * FROM formula_intake.lease_next(own, up_to, most, now_ms + lease_ms, now_ms);
      GET DIAGNOSTICS got = ROW_COUNT;
      EXIT WHEN up_to IS NULL;
      own.position := (SELECT position FROM formula_intake.subscriptions WHERE id = own.id);
    END IF;
    most := most - got;
  END LOOP;
END $$`

/** Deletes leased deliveries. Like all functions of receipts it returns the ordinals of those that held their lease. */
const ACK = `
CREATE OR REPLACE FUNCTION formula_intake.ack(
  given_time bigint, readers integer[], positions bigint[], nonces uuid[]
) RETURNS SETOF bigint ${PLANNED_ONCE} AS $$
DECLARE
  now_ms bigint := ${NOW};
BEGIN
  PERFORM ${DURABLE};
  RETURN QUERY DELETE FROM formula_intake.deliveries AS d USING ${RECEIPTS} WHERE ${HOLDS} RETURNING r.ordinal;
  ${CONFIRM_REFUSAL}
END $$`

/** Gives leases back: to the front, after a delay, or to the dead letters after the last receive. */
const NACK = `
CREATE OR REPLACE FUNCTION formula_intake.nack(
  given_time bigint, readers integer[], positions bigint[], nonces uuid[],
  delay_ms bigint, given_detail text, most_receives integer
) RETURNS SETOF bigint ${PLANNED_ONCE} AS $$
#variable_conflict use_column
DECLARE
  now_ms bigint;
BEGIN
  PERFORM ${DURABLE};
  IF delay_ms > 0 THEN
    ${LOCK_READERS}
  END IF;
  now_ms := ${NOW};
  RETURN QUERY
  WITH held AS MATERIALIZED (
    SELECT d.subscription, d.position, ordinal, d.receives >= most_receives AS dies
    FROM ${RECEIPTS} JOIN formula_intake.deliveries AS d ON ${HOLDS} ORDER BY ordinal FOR UPDATE OF d
  ), numbered AS MATERIALIZED (
    SELECT *, CASE WHEN dies THEN nextval('formula_intake.deaths') END AS death FROM held
  )
  UPDATE formula_intake.deliveries AS d
  SET state = CASE WHEN dies THEN 'dead' WHEN delay_ms > 0 THEN 'delayed' ELSE 'returned' END,
    rank = CASE WHEN dies THEN death WHEN delay_ms > 0 THEN now_ms + delay_ms ELSE d.position END,
    nonce = NULL, detail = given_detail, died_at = CASE WHEN dies THEN now_ms END, reason = CASE WHEN dies THEN 'nacked' END,
    ${COPIED}
  FROM numbered AS n LEFT JOIN formula_intake.events AS e ON n.dies AND e.position = n.position
  WHERE d.subscription = n.subscription AND d.position = n.position
  RETURNING n.ordinal;
  ${CONFIRM_REFUSAL}
  IF delay_ms > 0 THEN
    ${LOOK_AGAIN}
  END IF;
END $$`

/** Gives leases back to the front without counting the receive. */
const PUT_BACK = `
CREATE OR REPLACE FUNCTION formula_intake.put_back(
  given_time bigint, readers integer[], positions bigint[], nonces uuid[]
) RETURNS SETOF bigint ${PLANNED_ONCE} AS $$
DECLARE
  now_ms bigint := ${NOW};
BEGIN
  PERFORM ${DURABLE};
  RETURN QUERY UPDATE formula_intake.deliveries AS d
  SET state = 'returned', rank = d.position, nonce = NULL, receives = d.receives - 1
  FROM ${RECEIPTS} WHERE ${HOLDS} RETURNING r.ordinal;
  ${CONFIRM_REFUSAL}
END $$`

/** Changes when leases end. Returns the end as well. */
const EXTEND = `
CREATE OR REPLACE FUNCTION formula_intake.extend(
  given_time bigint, readers integer[], positions bigint[], nonces uuid[], lease_ms bigint
) RETURNS TABLE (held bigint, leased_until bigint) ${PLANNED_ONCE} AS $$
#variable_conflict use_column
DECLARE
  now_ms bigint;
BEGIN
  PERFORM ${DURABLE};
  ${LOCK_READERS}
  now_ms := ${NOW};
  RETURN QUERY UPDATE formula_intake.deliveries AS d SET rank = now_ms + lease_ms
  FROM ${RECEIPTS} WHERE ${HOLDS} RETURNING r.ordinal, d.rank;
  ${CONFIRM_REFUSAL}
  ${LOOK_AGAIN}
END $$`

/** See functions.ts on how to change one. */
export const LEASE_FUNCTIONS = [
  ...[LOCK, END_DUE, MOVE_DUE, LEASE_AGAIN, LEASE_NEXT, RECEIVE],
  ...[ACK, NACK, PUT_BACK, EXTEND],
]
