import { DURABLE, OTHER_ISOLATION, timeUnless } from './database.ts'

/**
 * Functions in the database: their statements are planned once a connection, without a prepared statement that a pooler
 * would have to know. The plan is made while the tables are small and has to be right when they are large: by index
 * alone, row by row.
 *
 * Names in them are looked up in pg_catalog, whatever the session says. Otherwise a function or operator that another
 * role made in `public` with the very types of a call would run in place of a polymorphic built-in, with our rights.
 */
export const PLANNED_ONCE = `
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off`

/** Each statement has to see what was committed while the one before it waited for a lock. */
export const READ_COMMITTED = `
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'The transaction is %', current_setting('transaction_isolation') USING ERRCODE = '${OTHER_ISOLATION}';
  END IF;`

const NOW = timeUnless('given_time')

/**
 * Appends events to the log. Called last: whoever takes the counter's row holds it until its commit, so positions come
 * in the order of commits, and without gaps.
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
 * Stores a batch of submissions, each as it was decided, in one transaction: the write's own id, the answers, the
 * formulas, and their events or, in a saga, the intents. Members and formulas come as one array for each column; those
 * of a member are the formulas from `firsts` to `lasts`. A member that meets what is stored already is told in the
 * result, and nothing of it is stored; its neighbours are. What another transaction stores in the meantime is met by a
 * unique index, which fails the batch as a whole.
 *
 * Every write takes its rows in one order: answers by slot, then formulas by fingerprint, then the counter of the log. So
 * two of them can wait for each other, but never both.
 */
const WRITE_FUNCTION = `
CREATE OR REPLACE FUNCTION formula_intake.write(
  given_time bigint, write_id uuid, answer_ttl bigint, owner_lease bigint,
  slots uuid[], payloads text[], submissions text[], attempts text[], statuses smallint[], kepts text[],
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
  SELECT slot, decode(payload, 'hex'), submission, status, kept, seqs[first:last], now_ms + answer_ttl,
    CASE WHEN first <= last THEN attempt END
  FROM unnest(slots, payloads, submissions, attempts, statuses, kepts, firsts, lasts) WITH ORDINALITY
    AS m (slot, payload, submission, attempt, status, kept, first, last, member)
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
 * The commit point of a saga: its formulas become visible, in their order and at the front of all, and its answer is
 * given. The state is the fence: whoever takes an intent over has changed it before.
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

/** The last step of a saga. An attempt's mark is locked first, so its steps come one after the other. */
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
 * All of them but those of leases and subscriptions, as this version calls them; made anew after every migration, so a change
 * to one needs a migration, be it an empty one. One whose arguments or columns change gets a new number: instances of the
 * version before go on calling the old one, which stays where it was made.
 */
export const FUNCTIONS = [APPEND_FUNCTION, WRITE_FUNCTION, COMPLETE_FUNCTION, RELEASE_FUNCTION]
