-- The schema as the first version of the service made it.
CREATE SCHEMA formula_intake;
CREATE TABLE formula_intake.version (version integer NOT NULL);
INSERT INTO formula_intake.version VALUES (1);

CREATE TABLE formula_intake.identity (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  store_id text NOT NULL DEFAULT gen_random_uuid(),
  queue_id text,
  queue_location text
);
INSERT INTO formula_intake.identity DEFAULT VALUES;

-- Stores whose contents are, or were, moved in here, and how far their rows have been copied.
CREATE TABLE formula_intake.moves (
  source text PRIMARY KEY,
  formulas bigint NOT NULL DEFAULT 0,
  answers bigint NOT NULL DEFAULT 0,
  done boolean NOT NULL DEFAULT false
);

-- Numbers formulas, and events, in the order in which they were accepted.
CREATE SEQUENCE formula_intake.acceptance;

-- A formula with an attempt is pending: it claims its make-up, and is shown to nobody.
CREATE TABLE formula_intake.formulas (
  fingerprint bytea PRIMARY KEY,
  seq bigint NOT NULL,
  name text NOT NULL,
  search text COLLATE "C" NOT NULL,
  materials text NOT NULL,
  created_at bigint NOT NULL,
  attempt text
);
CREATE UNIQUE INDEX formulas_by_seq ON formula_intake.formulas (seq);
CREATE INDEX formulas_by_search ON formula_intake.formulas (search);
CREATE INDEX formulas_pending ON formula_intake.formulas (attempt) WHERE attempt IS NOT NULL;

-- The slot is the first half of SHA-256 over caller and key. An answer with an attempt is not yet given.
CREATE TABLE formula_intake.answers (
  slot uuid PRIMARY KEY,
  caller text NOT NULL,
  key text NOT NULL,
  payload bytea NOT NULL,
  submission text NOT NULL,
  status smallint NOT NULL,
  location text,
  body text NOT NULL,
  expires_at bigint NOT NULL,
  attempt text
);
CREATE INDEX answers_by_expiry ON formula_intake.answers (expires_at);
CREATE INDEX answers_pending ON formula_intake.answers (attempt) WHERE attempt IS NOT NULL;

-- Each write leaves its id, so that one whose answer was lost is either found, or made void before it takes effect.
CREATE TABLE formula_intake.writes (
  id uuid PRIMARY KEY,
  at bigint NOT NULL,
  void boolean NOT NULL DEFAULT false
);
CREATE INDEX writes_by_time ON formula_intake.writes (at);

CREATE TABLE formula_intake.intents (
  id text PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('pending', 'completed', 'rolling-back', 'removed')),
  events text NOT NULL DEFAULT '[]',
  status smallint,
  location text,
  body text,
  reason text NOT NULL DEFAULT '',
  attempts integer NOT NULL DEFAULT 0,
  decided_at bigint NOT NULL,
  next_attempt_at bigint NOT NULL,
  -- Until when its owner, or who works it off, is trusted to be alive.
  held_until bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX intents_open ON formula_intake.intents (state, next_attempt_at) WHERE state <> 'removed';
CREATE INDEX intents_removed ON formula_intake.intents (decided_at) WHERE state = 'removed';

-- An event is one row, in the table that tells its state: ready, back at the front, leased, delayed, dead or held.
CREATE TABLE formula_intake.ready (
  position bigint PRIMARY KEY,
  id bytea NOT NULL,
  name text NOT NULL,
  created_at bigint NOT NULL,
  receives integer NOT NULL
);
CREATE TABLE formula_intake.returned (LIKE formula_intake.ready INCLUDING ALL);
CREATE TABLE formula_intake.delayed (LIKE formula_intake.ready INCLUDING ALL, due bigint NOT NULL);
CREATE INDEX delayed_by_due ON formula_intake.delayed (due);
CREATE TABLE formula_intake.leased (
  receipt uuid PRIMARY KEY,
  leased_until bigint NOT NULL,
  position bigint NOT NULL,
  id bytea NOT NULL,
  name text NOT NULL,
  created_at bigint NOT NULL,
  receives integer NOT NULL
);
CREATE INDEX leased_by_end ON formula_intake.leased (leased_until);

CREATE SEQUENCE formula_intake.deaths;
CREATE TABLE formula_intake.dead (
  seq bigint PRIMARY KEY DEFAULT nextval('formula_intake.deaths'),
  id bytea NOT NULL,
  name text NOT NULL,
  created_at bigint NOT NULL,
  receives integer NOT NULL,
  died_at bigint NOT NULL,
  reason text NOT NULL CHECK (reason IN ('expired', 'nacked'))
);
CREATE INDEX dead_by_id ON formula_intake.dead (id);

CREATE TABLE formula_intake.held (
  attempt text NOT NULL,
  ordinal integer NOT NULL,
  id bytea NOT NULL,
  name text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (attempt, ordinal)
);
CREATE TABLE formula_intake.marks (
  attempt text PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('held', 'released', 'removed')),
  at bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX marks_by_time ON formula_intake.marks (at) WHERE state <> 'held';

-- Rows of these come and go all the time: what is dead must not wait until it is a fifth of a table of millions.
ALTER TABLE formula_intake.ready SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_cost_delay = 0);
ALTER TABLE formula_intake.leased SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_cost_delay = 0);
ALTER TABLE formula_intake.returned SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE formula_intake.delayed SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE formula_intake.writes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE formula_intake.held SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE formula_intake.marks SET (autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE formula_intake.answers SET (autovacuum_vacuum_scale_factor = 0.02);

CREATE FUNCTION formula_intake.write(
  given_time bigint, write_id uuid, answer_ttl bigint, owner_lease bigint,
  slots uuid[], callers text[], keys text[], payloads text[], submissions text[], attempts text[],
  statuses smallint[], locations text[], bodies text[],
  members integer[], ids text[], names text[], searches text[], materials text[], times bigint[]
) RETURNS integer[]
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  now_ms bigint := coalesce(given_time, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint);
  is_saga boolean := array_remove(attempts, NULL) <> '{}';
  refused integer[];
BEGIN
  PERFORM set_config('synchronous_commit',
  CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true);
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
      SELECT decode(id, 'hex') AS fingerprint, name, search, material, created_at, attempts[member] AS attempt
      FROM unnest(members, ids, names, searches, materials, times) WITH ORDINALITY
        AS i (member, id, name, search, material, created_at, ordinal)
      WHERE member <> ALL (refused) ORDER BY ordinal
    ) AS item
  ), stored AS (
    INSERT INTO formula_intake.formulas
    SELECT fingerprint, seq, name, search, material, created_at, attempt FROM numbered ORDER BY fingerprint
  )
  INSERT INTO formula_intake.ready
  SELECT seq, fingerprint, name, created_at, 0 FROM numbered WHERE attempt IS NULL ORDER BY seq;

  IF is_saga THEN
    INSERT INTO formula_intake.intents
      (id, state, events, status, location, body, decided_at, next_attempt_at, held_until)
    SELECT attempt, CASE WHEN member = ANY (members) THEN 'pending' ELSE 'removed' END, (
        SELECT coalesce(json_agg(json_build_object('id', id, 'name', name, 'at', created_at) ORDER BY ordinal), '[]')
        FROM unnest(members, ids, names, times) WITH ORDINALITY AS i (of_member, id, name, created_at, ordinal)
        WHERE of_member = member
      )::text, status, location, body, now_ms, now_ms, now_ms + owner_lease
    FROM unnest(attempts, statuses, locations, bodies) WITH ORDINALITY AS m (attempt, status, location, body, member)
    WHERE attempt IS NOT NULL AND member <> ALL (refused);
  END IF;
  RETURN refused;
END $$;

CREATE FUNCTION formula_intake.move_due(given_time bigint, most_receives integer, ended_after bigint)
RETURNS bigint
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  now_ms bigint := coalesce(given_time, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint);
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
      INSERT INTO formula_intake.dead (id, name, created_at, receives, died_at, reason)
      SELECT id, name, created_at, receives, leased_until, 'expired' FROM ended WHERE receives >= most_receives
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
      SELECT position, id, name, created_at, receives FROM ended WHERE receives < most_receives UNION ALL SELECT position, id, name, created_at, receives FROM due
    )
    SELECT greatest((SELECT count(*) FROM ended), (SELECT count(*) FROM due)) INTO moved;
    EXIT WHEN moved < at_once;
  END LOOP;
  RETURN now_ms;
END $$;

CREATE FUNCTION formula_intake.receive(
  given_time bigint, most integer, lease_ms bigint, most_receives integer, front_after bigint, ended_after bigint
) RETURNS TABLE (
  receipt uuid, leased_until bigint, "position" bigint, id bytea, name text, created_at bigint, receives integer,
  rank integer, now bigint
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
  now_ms bigint := formula_intake.move_due(given_time, most_receives, ended_after);
BEGIN
  PERFORM set_config('synchronous_commit',
  CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true);
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
    SELECT receipt, now_ms + lease_ms, position, id, name, created_at, receives + 1 FROM taken
  )
  SELECT receipt, now_ms + lease_ms, position, id, name, created_at, receives + 1, rank, now_ms FROM taken
  ORDER BY rank, position;
END $$;

CREATE FUNCTION formula_intake.ack(given_time bigint, receipts uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  now_ms bigint := coalesce(given_time, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint);
BEGIN
  PERFORM set_config('synchronous_commit',
  CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true);
  RETURN QUERY DELETE FROM formula_intake.leased WHERE receipt = ANY (receipts) AND leased_until > now_ms RETURNING receipt;
END $$;
