import { DURABLE } from './database.ts'
import { timeUnless } from './time.ts'

/**
 * Functions in the database: their statements are planned once a connection, without a prepared statement that a pooler
 * would have to know. The plan is made while the tables are small and has to be right when they are large: by index
 * alone, row by row.
 *
 * Names in them are looked up in pg_catalog, whatever the session says. Otherwise a function or operator that another
 * role made in `public` with the very types of a call would run in place of a polymorphic built-in, with our rights.
 */
const PLANNED_ONCE = `
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off`

const NOW = timeUnless('given_time')

/**
 * Stores a batch of submissions, each as it was judged, in one transaction: the write's own id, the answers, the
 * formulas, and their events or, in a saga, the intents. Members and formulas come as one array for each column. A
 * member that meets what is stored already is told in the result, and nothing of it is stored; its neighbours are. What
 * another transaction stores in the meantime is met by a unique index, which fails the batch as a whole.
 *
 * Every write takes its rows in one order: answers by slot, then formulas by fingerprint. So two of them can wait for
 * each other, but never both.
 */
const WRITE_FUNCTION = `
CREATE OR REPLACE FUNCTION formula_intake.write_2(
  given_time bigint, write_id uuid, answer_ttl bigint, owner_lease bigint,
  slots uuid[], callers text[], keys text[], payloads text[], submissions text[], attempts text[], traceparents text[],
  statuses smallint[], locations text[], bodies text[],
  members integer[], ids text[], names text[], searches text[], materials text[], times bigint[]
) RETURNS integer[] ${PLANNED_ONCE} AS $$
DECLARE
  now_ms bigint := ${NOW};
  is_saga boolean := array_remove(attempts, NULL) <> '{}';
  refused integer[];
BEGIN
  PERFORM ${DURABLE};
  refused := ARRAY(
    SELECT member FROM unnest(slots) WITH ORDINALITY AS m (slot, member) JOIN formula_intake.answers USING (slot)
    UNION
    SELECT member FROM unnest(members, ids) AS i (member, id)
      JOIN formula_intake.formulas ON fingerprint = decode(i.id, 'hex')
  );
  IF is_saga THEN
    refused := refused || ARRAY(
      SELECT member FROM unnest(attempts) WITH ORDINALITY AS m (id, member) JOIN formula_intake.intents USING (id)
    );
  END IF;
  IF cardinality(slots) = (SELECT count(DISTINCT member) FROM unnest(refused) AS r (member)) THEN
    RETURN refused;
  END IF;

  INSERT INTO formula_intake.writes VALUES (write_id, now_ms);

  INSERT INTO formula_intake.answers
  SELECT slot, caller, key, decode(payload, 'hex'), submission, status, location, body, now_ms + answer_ttl,
    CASE WHEN member = ANY (members) THEN attempt END
  FROM unnest(slots, callers, keys, payloads, submissions, attempts, statuses, locations, bodies) WITH ORDINALITY
    AS m (slot, caller, key, payload, submission, attempt, status, location, body, member)
  WHERE member <> ALL (refused) ORDER BY slot;

  WITH numbered AS MATERIALIZED (
    SELECT nextval('formula_intake.acceptance') AS seq, item.* FROM (
      SELECT decode(id, 'hex') AS fingerprint, name, search, material, created_at, attempts[member] AS attempt,
        traceparents[member] AS traceparent
      FROM unnest(members, ids, names, searches, materials, times) WITH ORDINALITY
        AS i (member, id, name, search, material, created_at, ordinal)
      WHERE member <> ALL (refused) ORDER BY ordinal
    ) AS item
  ), stored AS (
    INSERT INTO formula_intake.formulas
    SELECT fingerprint, seq, name, search, material, created_at, attempt FROM numbered ORDER BY fingerprint
  )
  INSERT INTO formula_intake.ready
  SELECT seq, fingerprint, name, created_at, 0, traceparent FROM numbered WHERE attempt IS NULL ORDER BY seq;

  IF is_saga THEN
    INSERT INTO formula_intake.intents
      (id, state, events, status, location, body, decided_at, next_attempt_at, held_until)
    SELECT attempt, CASE WHEN member = ANY (members) THEN 'pending' ELSE 'removed' END, (
        SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
          'id', id, 'name', name, 'at', created_at, 'traceparent', traceparents[member]
        )) ORDER BY ordinal), '[]')
        FROM unnest(members, ids, names, times) WITH ORDINALITY AS i (of_member, id, name, created_at, ordinal)
        WHERE of_member = member
      )::text, status, location, body, now_ms, now_ms, now_ms + owner_lease
    FROM unnest(attempts, statuses, locations, bodies) WITH ORDINALITY AS m (attempt, status, location, body, member)
    WHERE attempt IS NOT NULL AND member <> ALL (refused);
  END IF;
  RETURN refused;
END $$`

const EVENT = `id, name, created_at, receives, traceparent`

/**
 * Moves what is over: ended leases to the front or to the dead letters, delays to the front. Before `ended_after` no lease
 * is left. Returns the time it went by.
 */
const MOVE_DUE_FUNCTION = `
CREATE OR REPLACE FUNCTION formula_intake.move_due(given_time bigint, most_receives integer, ended_after bigint)
RETURNS bigint ${PLANNED_ONCE} AS $$
DECLARE
  now_ms bigint := ${NOW};
  at_once CONSTANT integer := 1000;
  moved integer;
BEGIN
  LOOP
    WITH ended AS (
      DELETE FROM formula_intake.leased
      WHERE receipt = ANY (ARRAY(
        SELECT receipt FROM formula_intake.leased WHERE leased_until > ended_after AND leased_until <= now_ms
        ORDER BY leased_until LIMIT at_once FOR UPDATE SKIP LOCKED
      ))
      RETURNING *
    ), buried AS (
      INSERT INTO formula_intake.dead (${EVENT}, died_at, reason)
      SELECT ${EVENT}, leased_until, 'expired' FROM ended WHERE receives >= most_receives
      ORDER BY leased_until, position
    ), due AS (
      DELETE FROM formula_intake.delayed
      WHERE position = ANY (ARRAY(
        SELECT position FROM formula_intake.delayed WHERE due <= now_ms
        ORDER BY due LIMIT at_once FOR UPDATE SKIP LOCKED
      ))
      RETURNING *
    ), returned AS (
      INSERT INTO formula_intake.returned
      SELECT position, ${EVENT} FROM ended WHERE receives < most_receives UNION ALL SELECT position, ${EVENT} FROM due
    )
    SELECT greatest((SELECT count(*) FROM ended), (SELECT count(*) FROM due)) INTO moved;
    EXIT WHEN moved < at_once;
  END LOOP;
  RETURN now_ms;
END $$`

/** Ends leases that have not ended by themselves; returns their receipts. */
const ACK_FUNCTION = `
CREATE OR REPLACE FUNCTION formula_intake.ack(given_time bigint, receipts uuid[]) RETURNS SETOF uuid ${PLANNED_ONCE} AS $$
DECLARE
  now_ms bigint := ${NOW};
BEGIN
  PERFORM ${DURABLE};
  RETURN QUERY DELETE FROM formula_intake.leased WHERE receipt = ANY (receipts) AND leased_until > now_ms RETURNING receipt;
END $$`

/**
 * Leases events: those that came back first, then the oldest behind `front_after`. What another consumer is about to
 * take is passed over.
 */
const RECEIVE_FUNCTION = `
CREATE OR REPLACE FUNCTION formula_intake.receive_2(
  given_time bigint, most integer, lease_ms bigint, most_receives integer, front_after bigint, ended_after bigint
) RETURNS TABLE (
  receipt uuid, leased_until bigint, "position" bigint, id bytea, name text, created_at bigint, receives integer,
  traceparent text, rank integer, now bigint
) ${PLANNED_ONCE} AS $$
#variable_conflict use_column
DECLARE
  now_ms bigint := formula_intake.move_due(given_time, most_receives, ended_after);
BEGIN
  PERFORM ${DURABLE};
  RETURN QUERY
  WITH back AS (
    DELETE FROM formula_intake.returned
    WHERE position = ANY (ARRAY(
      SELECT position FROM formula_intake.returned ORDER BY position LIMIT most FOR UPDATE SKIP LOCKED
    ))
    RETURNING *
  ), front AS (
    DELETE FROM formula_intake.ready
    WHERE position = ANY (ARRAY(
      SELECT position FROM formula_intake.ready WHERE position > front_after
      ORDER BY position LIMIT most - (SELECT count(*) FROM back) FOR UPDATE SKIP LOCKED
    ))
    RETURNING *
  ), taken AS MATERIALIZED (
    SELECT gen_random_uuid() AS receipt, 0 AS rank, * FROM back
    UNION ALL SELECT gen_random_uuid(), 1, * FROM front
  ), leased AS (
    INSERT INTO formula_intake.leased
    SELECT receipt, now_ms + lease_ms, position, ${EVENT.replace('receives', 'receives + 1')} FROM taken
  )
  SELECT receipt, now_ms + lease_ms, position, ${EVENT.replace('receives', 'receives + 1')}, rank, now_ms FROM taken
  ORDER BY rank, position;
END $$`

/**
 * All of them, as this version calls them; made anew after every migration, so a change to one needs a migration, be it
 * an empty one. One whose arguments or columns change gets a new number: instances of the version before go on calling
 * the old one, which stays where it was made.
 */
export const FUNCTIONS = [WRITE_FUNCTION, MOVE_DUE_FUNCTION, RECEIVE_FUNCTION, ACK_FUNCTION]
