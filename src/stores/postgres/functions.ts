import { DURABLE, givenOrNow, OTHER_ISOLATION } from './database.ts'

/** The profile `portable` leaves them out. */
export const SETTINGS = `SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off`

/**
 * Database functions plan their statements once per connection, without prepared statements that a pooler would have to
 * track. The plan is made while the tables are small and must still be right when they are large: indexes and nested
 * loops only.
 *
 * The fixed search_path is a safeguard: otherwise a function or operator that another role creates in `public` for
 * exactly the types of a call would run in place of a polymorphic built-in, with our privileges.
 */
export const PLANNED_ONCE = `
LANGUAGE plpgsql ${SETTINGS}`

/** A statement must see what was committed while the previous one waited for a lock. */
export const READ_COMMITTED = `
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'The transaction is %', current_setting('transaction_isolation') USING ERRCODE = '${OTHER_ISOLATION}';
  END IF;`

const NOW = givenOrNow('given_time')

/**
 * Appends events to the log. Call it last in a transaction: it locks the counter's row until the commit, so positions
 * follow the order of commits, without gaps.
 */
const APPEND_FUNCTION = `
CREATE OR REPLACE FUNCTION formula_intake.append(ids text[], formulas bigint[], times bigint[], bodies text[])
RETURNS void ${PLANNED_ONCE} AS $$
BEGIN
  WITH counted AS (
    UPDATE formula_intake.log SET head = head + cardinality(ids) WHERE single RETURNING head - cardinality(ids) AS before
  )
  INSERT INTO formula_intake.events
  SELECT before + ordinal, decode(id, 'hex'), formula, at, body
  FROM counted, unnest(ids, formulas, times, bodies) WITH ORDINALITY AS e (id, formula, at, body, ordinal);
END $$`

/**
 * Stores a batch of decided submissions in one transaction: the id of the write, the answers, the formulas, and their
 * events or, in a saga, the intents. Members and formulas come as one array per column; the formulas of a member are
 * those from `firsts` to `lasts`. Returns the members (from 1) that conflict with stored rows: nothing of these is
 * stored. A row that another transaction inserts meanwhile violates a unique index, which fails the whole batch.
 *
 * Every write locks in the same order, so writes cannot deadlock: answers by slot, formulas by fingerprint, the counter
 * of the log.
 */
const WRITE_FUNCTION = `
CREATE OR REPLACE FUNCTION formula_intake.write(
  given_time bigint, write_id uuid, answer_ttl bigint, owner_lease bigint,
  slots uuid[], payloads text[], submissions uuid[], attempts text[], statuses smallint[], kepts text[],
  created bigint[], firsts integer[], lasts integer[],
  members integer[], ids text[], searches text[], documents text[], bodies text[]
) RETURNS integer[] ${PLANNED_ONCE} AS $$
DECLARE
  now_ms bigint := ${NOW};
  is_saga boolean := array_remove(attempts, NULL) <> '{}';
  refused integer[];
  seqs bigint[];
  times bigint[];
BEGIN
  ${READ_COMMITTED}
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
  seqs := ARRAY(SELECT nextval('formula_intake.acceptance') FROM unnest(members));

  INSERT INTO formula_intake.answers
  SELECT slot, decode(payload, 'hex'), submission, status, kept, seqs[first:last], at, now_ms + answer_ttl,
    CASE WHEN first <= last THEN attempt END
  FROM unnest(slots, payloads, submissions, attempts, statuses, kepts, created, firsts, lasts) WITH ORDINALITY
    AS m (slot, payload, submission, attempt, status, kept, at, first, last, member)
  WHERE member <> ALL (refused) ORDER BY slot;

  INSERT INTO formula_intake.formulas
  SELECT decode(id, 'hex') AS fingerprint, seq, search, document, attempts[member]
  FROM unnest(members, ids, seqs, searches, documents) AS i (member, id, seq, search, document)
  WHERE member <> ALL (refused) ORDER BY fingerprint;

  IF is_saga THEN
    INSERT INTO formula_intake.intents
      (id, state, event_ids, event_bodies, event_at, status, kept, decided_at, next_attempt_at, held_until)
    SELECT attempt, CASE WHEN first <= last THEN 'pending' ELSE 'removed' END, ids[first:last], bodies[first:last],
      at, status, kept, now_ms, now_ms, now_ms + owner_lease
    FROM unnest(attempts, statuses, kepts, created, firsts, lasts) WITH ORDINALITY
      AS m (attempt, status, kept, at, first, last, member)
    WHERE attempt IS NOT NULL AND member <> ALL (refused);
  END IF;

  SELECT array_agg(id ORDER BY ordinal), array_agg(seq ORDER BY ordinal), array_agg(created[member] ORDER BY ordinal),
    array_agg(body ORDER BY ordinal) INTO ids, seqs, times, bodies
  FROM unnest(members, ids, seqs, bodies) WITH ORDINALITY AS i (member, id, seq, body, ordinal)
  WHERE member <> ALL (refused) AND attempts[member] IS NULL;
  IF cardinality(ids) > 0 THEN
    PERFORM formula_intake.append(ids, seqs, times, bodies);
  END IF;
  RETURN refused;
END $$`

/**
 * The commit point of a saga: its formulas become visible, as the newest and in their order, and its answer is given.
 * The state is the fence: an instance that took the intent over has changed it.
 */
const COMPLETE_FUNCTION = `
CREATE OR REPLACE FUNCTION formula_intake.complete(given_time bigint, wanted text, answer_ttl bigint, head_start bigint)
RETURNS void ${PLANNED_ONCE} AS $$
DECLARE
  now_ms bigint := ${NOW};
  seqs bigint[];
BEGIN
  ${READ_COMMITTED}
  PERFORM ${DURABLE};
  UPDATE formula_intake.intents
  SET state = 'completed', decided_at = now_ms, next_attempt_at = now_ms + head_start, held_until = 0
  WHERE id = wanted AND state = 'pending';
  IF FOUND THEN
    seqs := ARRAY(SELECT nextval('formula_intake.acceptance') FROM formula_intake.formulas WHERE attempt = wanted);
    UPDATE formula_intake.intents SET added = seqs WHERE id = wanted;
    UPDATE formula_intake.answers SET attempt = NULL, added = seqs, expires_at = now_ms + answer_ttl
    WHERE attempt = wanted;
    UPDATE formula_intake.formulas AS f SET attempt = NULL, seq = seqs[pending.place]
    FROM (
      SELECT fingerprint, row_number() OVER (ORDER BY seq) AS place FROM formula_intake.formulas WHERE attempt = wanted
    ) AS pending
    WHERE f.fingerprint = pending.fingerprint;
  END IF;
END $$`

/** The last step of a saga. It locks the attempt's mark first, so the steps of an attempt are serialized. */
const RELEASE_FUNCTION = `
CREATE OR REPLACE FUNCTION formula_intake.release(
  given_time bigint, released text, ids text[], formulas bigint[], times bigint[], bodies text[]
) RETURNS void ${PLANNED_ONCE} AS $$
BEGIN
  ${READ_COMMITTED}
  PERFORM ${DURABLE};
  INSERT INTO formula_intake.marks AS mark VALUES (released, 'released', ${NOW})
  ON CONFLICT (attempt) DO UPDATE SET state = 'released', at = excluded.at WHERE mark.state = 'held';
  IF FOUND THEN
    DELETE FROM formula_intake.held WHERE attempt = released;
    PERFORM formula_intake.append(ids, formulas, times, bodies);
  END IF;
END $$`

/**
 * The functions that write submissions. All functions are replaced after every migration, so changing one needs a
 * migration, even an empty one. Give one whose arguments or columns change a new name: instances of the previous
 * version still call the old one, which stays in the database.
 */
export const FUNCTIONS = [APPEND_FUNCTION, WRITE_FUNCTION, COMPLETE_FUNCTION, RELEASE_FUNCTION]
