/**
 * The migrations, in order; `formula_intake.version` counts those a database has had. One that has been released is
 * never changed again. Everything lies in a schema of its own and is named with it, and built-in functions are named
 * with theirs: nothing rests on a session's settings. Times are milliseconds since the epoch. Instances of the version
 * before may still run on the tables: a column that is added is the last one and may be null. Functions follow the
 * migrations: see functions.ts.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE formula_intake.identity (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    store_id text NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
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
    seq bigint PRIMARY KEY DEFAULT pg_catalog.nextval('formula_intake.deaths'),
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
  `,
  // Where the submission of an event is seen in a trace; null, which takes no room, where it is not.
  `
  ALTER TABLE formula_intake.ready ADD COLUMN traceparent text;
  ALTER TABLE formula_intake.returned ADD COLUMN traceparent text;
  ALTER TABLE formula_intake.delayed ADD COLUMN traceparent text;
  ALTER TABLE formula_intake.leased ADD COLUMN traceparent text;
  ALTER TABLE formula_intake.dead ADD COLUMN traceparent text;
  ALTER TABLE formula_intake.held ADD COLUMN traceparent text;
  `,
  // Changes nothing: what has it has fingerprints of version 2.
  'SELECT 1',
]

/** The schema version from which on fingerprints are of version 2. */
export const FINGERPRINTS_2 = 3
