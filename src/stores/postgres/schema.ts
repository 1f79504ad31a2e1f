/**
 * The migrations, in order; `formula_intake.schema_version` counts those a database has had. One that has been released
 * is never changed again. Everything lies in a schema of its own and is named with it, and built-in functions are named
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

  -- Numbers formulas in the order in which they are accepted.
  CREATE SEQUENCE formula_intake.acceptance;

  -- A formula with an attempt is pending: it claims its composition, and is shown to nobody.
  CREATE TABLE formula_intake.formulas (
    fingerprint bytea PRIMARY KEY,
    seq bigint NOT NULL,
    search text COLLATE "C" NOT NULL,
    document text NOT NULL,
    attempt text
  );
  CREATE UNIQUE INDEX formulas_by_seq ON formula_intake.formulas (seq);
  CREATE INDEX formulas_by_search ON formula_intake.formulas (search);
  CREATE INDEX formulas_pending ON formula_intake.formulas (attempt) WHERE attempt IS NOT NULL;

  -- Slot and kept are those of kept-answer.ts, and added are the numbers of the formulas that
  -- the submission added. An answer with an attempt is not yet given.
  CREATE TABLE formula_intake.answers (
    slot uuid PRIMARY KEY,
    payload bytea NOT NULL,
    submission text NOT NULL,
    status smallint NOT NULL,
    kept text NOT NULL,
    added bigint[] NOT NULL,
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

  -- The events of a saga wait here in pieces of the same order: ids, bodies and, once it is complete, formulas' numbers.
  CREATE TABLE formula_intake.intents (
    id text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('pending', 'completed', 'rolling-back', 'removed')),
    event_ids text[] NOT NULL DEFAULT '{}',
    event_bodies text[] NOT NULL DEFAULT '{}',
    event_at bigint,
    added bigint[],
    status smallint,
    kept text,
    reason text NOT NULL DEFAULT '',
    attempts integer NOT NULL DEFAULT 0,
    decided_at bigint NOT NULL,
    next_attempt_at bigint NOT NULL,
    -- Until when its owner, or who works it off, is trusted to be alive.
    held_until bigint NOT NULL
  ) WITH (fillfactor = 70);
  CREATE INDEX intents_open ON formula_intake.intents (state, next_attempt_at) WHERE state <> 'removed';
  CREATE INDEX intents_removed ON formula_intake.intents (decided_at) WHERE state = 'removed';

  -- The last position given. A write takes the row last, so positions come in the order of commits.
  CREATE TABLE formula_intake.log (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    head bigint NOT NULL DEFAULT 0
  ) WITH (fillfactor = 10);
  INSERT INTO formula_intake.log DEFAULT VALUES;

  -- Append-only, without gaps. One that was erased is blank: it keeps its position and its time.
  CREATE TABLE formula_intake.events (
    position bigint PRIMARY KEY,
    fingerprint bytea,
    formula bigint,
    at bigint NOT NULL,
    body text
  );
  CREATE INDEX events_by_formula ON formula_intake.events (formula);
  CREATE INDEX events_blank ON formula_intake.events (position) WHERE fingerprint IS NULL;

  -- The position is the last one handed out. Nothing is due at or before due_after.
  CREATE SEQUENCE formula_intake.subscription_ids;
  CREATE TABLE formula_intake.subscriptions (
    id integer PRIMARY KEY DEFAULT pg_catalog.nextval('formula_intake.subscription_ids'),
    name text COLLATE "C" NOT NULL UNIQUE,
    created_at bigint NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    position bigint NOT NULL,
    due_after bigint NOT NULL DEFAULT -1
  ) WITH (fillfactor = 10);
  INSERT INTO formula_intake.subscriptions (name, created_at, position) VALUES ('default',
    pg_catalog.floor(extract(epoch FROM pg_catalog.statement_timestamp()) OPERATOR(pg_catalog.*) 1000), 0);

  -- Numbers deaths and redrives.
  CREATE SEQUENCE formula_intake.deaths;

  -- What a subscription has out of line. The rank is, of what is leased, the end of the lease; of what is delayed, the end
  -- of the delay; of what was given back, its position; of what was redriven, its number, and of a dead letter that of its
  -- death. Behind is the head of the log when it was redriven. What is or was dead has a copy of its event.
  CREATE TABLE formula_intake.deliveries (
    subscription integer NOT NULL,
    position bigint NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('leased', 'delayed', 'returned', 'redriven', 'dead')),
    rank bigint NOT NULL,
    receives integer NOT NULL,
    nonce uuid,
    behind bigint,
    died_at bigint,
    reason text CHECK (reason IN ('expired', 'nacked')),
    detail text,
    fingerprint bytea,
    formula bigint,
    at bigint,
    body text,
    PRIMARY KEY (subscription, position)
  );
  -- Partial, though all have a state: what is looked up by position says nothing of states, so it never goes this way,
  -- on which lie all deliveries of the subscription.
  CREATE INDEX deliveries_by_rank ON formula_intake.deliveries (subscription, state, rank) WHERE state <> '';
  CREATE INDEX deliveries_copied ON formula_intake.deliveries (fingerprint) WHERE fingerprint IS NOT NULL;

  CREATE TABLE formula_intake.held (
    attempt text NOT NULL,
    ordinal integer NOT NULL,
    fingerprint bytea NOT NULL,
    at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (attempt, ordinal)
  );
  CREATE TABLE formula_intake.marks (
    attempt text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('held', 'released', 'removed')),
    at bigint NOT NULL
  ) WITH (fillfactor = 70);
  CREATE INDEX marks_by_time ON formula_intake.marks (at) WHERE state <> 'held';

  -- Rows of these come and go all the time: what is dead must not wait until it is a fifth of a table of millions.
  ALTER TABLE formula_intake.deliveries SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0);
  ALTER TABLE formula_intake.log SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  ALTER TABLE formula_intake.subscriptions SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  ALTER TABLE formula_intake.writes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  ALTER TABLE formula_intake.held SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  ALTER TABLE formula_intake.marks SET (autovacuum_vacuum_scale_factor = 0.01);
  ALTER TABLE formula_intake.events SET (autovacuum_vacuum_scale_factor = 0.02);
  ALTER TABLE formula_intake.answers SET (autovacuum_vacuum_scale_factor = 0.02);
  `,
]
