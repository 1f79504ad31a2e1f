import { CONFIRMED, DURABLE } from './database.ts'
import { PLANNED_ONCE, READ_COMMITTED } from './functions.ts'
import { NOW } from './lease-functions.ts'

/** Locks every subscription, so that nobody receives until the commit. */
const LOCK_ALL = `PERFORM FROM formula_intake.subscriptions ORDER BY id FOR UPDATE;`

/** Gives leases of any consumer back. Scans all leases: an index on ids would slow down every lease. */
const END_LEASES = `
CREATE OR REPLACE FUNCTION formula_intake.end_leases(given_time bigint, wanted text, ids text[])
RETURNS bigint ${PLANNED_ONCE} AS $$
DECLARE
  own formula_intake.subscriptions := formula_intake.lock_subscription(wanted);
  now_ms bigint := ${NOW};
  ended bigint;
BEGIN
  PERFORM ${DURABLE};
  UPDATE formula_intake.deliveries AS d
  SET state = 'returned', rank = d.position, nonce = NULL, receives = d.receives - 1
  FROM (
    SELECT leased.position FROM formula_intake.deliveries AS leased LEFT JOIN formula_intake.events AS e USING (position)
    WHERE leased.subscription = own.id AND leased.state = 'leased' AND leased.rank > now_ms
      AND (coalesce(leased.fingerprint, e.fingerprint) IN (SELECT decode(id, 'hex') FROM unnest(ids) AS i (id))) IS TRUE
    FOR UPDATE OF leased
  ) AS chosen
  WHERE d.subscription = own.id AND d.position = chosen.position;
  GET DIAGNOSTICS ended = ROW_COUNT;
  RETURN ended;
END $$`

/** Sends dead letters to the back of the line in the order in which they died; all of them when `ids` is null. */
const REDRIVE = `
CREATE OR REPLACE FUNCTION formula_intake.redrive(given_time bigint, wanted text, ids text[], most_receives integer)
RETURNS bigint ${PLANNED_ONCE} AS $$
DECLARE
  own formula_intake.subscriptions := formula_intake.lock_subscription(wanted);
  positions bigint[];
  redriven bigint;
BEGIN
  PERFORM ${DURABLE};
  PERFORM formula_intake.end_due(own, ${NOW}, most_receives);
  IF ids IS NULL THEN
    positions := ARRAY(
      SELECT position FROM formula_intake.deliveries WHERE subscription = own.id AND state = 'dead' ORDER BY rank
    );
  ELSE
    positions := ARRAY(
      SELECT position FROM formula_intake.deliveries
      WHERE subscription = own.id AND state = 'dead'
        AND fingerprint = ANY (ARRAY(SELECT decode(id, 'hex') FROM unnest(ids) AS i (id)))
      ORDER BY rank
    );
  END IF;
  UPDATE formula_intake.deliveries AS d
  SET state = 'redriven', rank = numbered.turn, receives = 0, behind = (SELECT head FROM formula_intake.log WHERE single),
    died_at = NULL, reason = NULL, detail = NULL
  FROM (SELECT position, nextval('formula_intake.deaths') AS turn FROM unnest(positions) AS p (position)) AS numbered
  WHERE d.subscription = own.id AND d.position = numbered.position;
  GET DIAGNOSTICS redriven = ROW_COUNT;
  RETURN redriven;
END $$`

const count = (state: string): string =>
  `(SELECT count(*) FROM formula_intake.deliveries WHERE subscription = own.id AND state = '${state}')`

/** The figures of one subscription, or of all when `wanted` is null. Ready events are computed, not scanned. */
const STATS = `
CREATE OR REPLACE FUNCTION formula_intake.stats(given_time bigint, wanted text) RETURNS TABLE (
  name text, created_at bigint, paused boolean, ready bigint, leased bigint, delayed bigint, dead bigint,
  oldest bigint, now bigint
) ${PLANNED_ONCE} AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT own.name, own.created_at, own.paused,
    log.head - own.position
      - (SELECT count(*) FROM formula_intake.events WHERE position > own.position AND fingerprint IS NULL)
      + ${count('returned')}
      + ${count('redriven')},
    ${count('leased')},
    ${count('delayed')},
    ${count('dead')},
    coalesce(
      (SELECT coalesce(d.at, e.at) FROM formula_intake.deliveries AS d LEFT JOIN formula_intake.events AS e USING (position)
        WHERE d.subscription = own.id AND d.state = 'returned' ORDER BY d.rank LIMIT 1),
      CASE WHEN redriven.behind <= own.position THEN redriven.at END,
      (SELECT at FROM formula_intake.events WHERE position > own.position AND fingerprint IS NOT NULL
        ORDER BY position LIMIT 1),
      redriven.at
    ), ${NOW}
  FROM formula_intake.subscriptions AS own JOIN formula_intake.log ON single LEFT JOIN LATERAL (
    SELECT behind, at FROM formula_intake.deliveries WHERE subscription = own.id AND state = 'redriven'
    ORDER BY rank LIMIT 1
  ) AS redriven ON true
  WHERE wanted IS NULL OR own.name = wanted ORDER BY own.name;
END $$`

/** The position just before the first event at or after a time; the head of the log when there is none. */
const PLACE = `
CREATE OR REPLACE FUNCTION formula_intake.place(since bigint) RETURNS bigint ${PLANNED_ONCE} AS $$
DECLARE
  found bigint := (SELECT position - 1 FROM formula_intake.events WHERE at >= since ORDER BY position LIMIT 1);
BEGIN
  RETURN coalesce(found, (SELECT head FROM formula_intake.log WHERE single));
END $$`

/** Creates a subscription unless it exists. The lock on the default one excludes trimming and other creations. */
const SUBSCRIBE = `
CREATE OR REPLACE FUNCTION formula_intake.subscribe(given_time bigint, wanted text, since bigint, most integer)
RETURNS text ${PLANNED_ONCE} AS $$
BEGIN
  PERFORM formula_intake.lock_subscription('default');
  IF EXISTS (SELECT FROM formula_intake.subscriptions WHERE name = wanted) THEN
    RETURN 'there';
  END IF;
  IF (SELECT count(*) FROM formula_intake.subscriptions) >= most THEN
    RETURN 'full';
  END IF;
  PERFORM ${DURABLE};
  INSERT INTO formula_intake.subscriptions (name, created_at, position)
  VALUES (wanted, ${NOW}, formula_intake.place(since));
  RETURN 'made';
END $$`

const UNSUBSCRIBE = `
CREATE OR REPLACE FUNCTION formula_intake.unsubscribe(wanted text) RETURNS boolean ${PLANNED_ONCE} AS $$
DECLARE
  gone integer := (SELECT id FROM formula_intake.subscriptions WHERE name = wanted FOR UPDATE);
BEGIN
  IF gone IS NULL THEN
    PERFORM ${CONFIRMED};
    RETURN false;
  END IF;
  PERFORM ${DURABLE};
  DELETE FROM formula_intake.deliveries WHERE subscription = gone;
  DELETE FROM formula_intake.subscriptions WHERE id = gone;
  RETURN true;
END $$`

const SEEK = `
CREATE OR REPLACE FUNCTION formula_intake.seek(wanted text, since bigint) RETURNS void ${PLANNED_ONCE} AS $$
DECLARE
  own formula_intake.subscriptions := formula_intake.lock_subscription(wanted);
  place bigint := formula_intake.place(since);
BEGIN
  PERFORM ${DURABLE};
  DELETE FROM formula_intake.deliveries AS d WHERE d.subscription = own.id AND (d.state <> 'dead' OR d.position > place);
  UPDATE formula_intake.subscriptions SET position = place WHERE id = own.id;
END $$`

/** Deletes events from the front of the log up to the first that is young, not read by all, or needed by a delivery. */
const TRIM = `
CREATE OR REPLACE FUNCTION formula_intake.trim_log(older_than bigint, most integer) RETURNS bigint ${PLANNED_ONCE} AS $$
DECLARE
  trimmed bigint;
BEGIN
  ${READ_COMMITTED}
  IF older_than <= (SELECT at FROM formula_intake.events ORDER BY position LIMIT 1) THEN
    RETURN 0;
  END IF;
  ${LOCK_ALL}
  WITH oldest AS MATERIALIZED (
    SELECT position, at FROM formula_intake.events
    WHERE position <= (SELECT min(position) FROM formula_intake.subscriptions) ORDER BY position LIMIT most
  ), wanted AS (
    SELECT min(position) AS position FROM oldest WHERE at >= older_than OR EXISTS (
      SELECT FROM formula_intake.subscriptions AS s JOIN formula_intake.deliveries AS d ON d.subscription = s.id
      WHERE d.position = oldest.position AND d.fingerprint IS NULL
    )
  )
  DELETE FROM formula_intake.events USING oldest
  WHERE events.position = oldest.position AND oldest.position < coalesce((SELECT position FROM wanted), 9223372036854775807);
  GET DIAGNOSTICS trimmed = ROW_COUNT;
  RETURN trimmed;
END $$`

/** Blanks the event of a formula. No receive runs meanwhile, so none can still lease it. */
const ERASE = `
CREATE OR REPLACE FUNCTION formula_intake.erase(erased_id text, seq bigint) RETURNS void ${PLANNED_ONCE} AS $$
DECLARE
  erased bytea := decode(erased_id, 'hex');
BEGIN
  ${READ_COMMITTED}
  PERFORM ${DURABLE};
  ${LOCK_ALL}
  WITH blank AS (
    UPDATE formula_intake.events SET fingerprint = NULL, formula = NULL, body = NULL
    WHERE formula = seq AND fingerprint = erased RETURNING position
  )
  DELETE FROM formula_intake.deliveries AS d USING blank, formula_intake.subscriptions AS s
  WHERE d.subscription = s.id AND d.position = blank.position;
  DELETE FROM formula_intake.deliveries WHERE fingerprint = erased AND formula = seq;
END $$`

/** Created after `LEASE_FUNCTIONS`, which they call. */
export const SUBSCRIPTION_FUNCTIONS = [END_LEASES, REDRIVE, STATS, PLACE, SUBSCRIBE, UNSUBSCRIBE, SEEK, TRIM, ERASE]
