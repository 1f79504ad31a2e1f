import type { DatabaseSync } from 'node:sqlite'

/** Marks a file as ours: "FFI" and the version of the fingerprints in it. */
export const APPLICATION_ID = 0x46464902
/** Marks a file with fingerprints of version 1, which would not be found again. */
export const FINGERPRINTS_1 = 0x46464901

/**
 * The migrations, in order; `PRAGMA user_version` counts those a file has had. One that has been released is never
 * changed again. Keys and fingerprints are indexed by their first 48 bits, an integer that SQLite stores in 6 bytes;
 * every lookup compares the whole value as well.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE identity (
    store_id TEXT NOT NULL,
    queue_id TEXT,
    queue_location TEXT
  );
  CREATE TABLE formulas (
    seq INTEGER PRIMARY KEY,
    prefix INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    name TEXT NOT NULL,
    search TEXT NOT NULL,
    materials TEXT NOT NULL,
    created_at INTEGER NOT NULL
  );
  CREATE INDEX formulas_prefix ON formulas (prefix);
  CREATE INDEX formulas_search ON formulas (search);

  CREATE TABLE answers (
    seq INTEGER PRIMARY KEY,
    hash INTEGER NOT NULL,
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    payload BLOB NOT NULL,
    submission TEXT NOT NULL,
    status INTEGER NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  );
  CREATE INDEX answers_hash ON answers (hash);

  CREATE TABLE given_up (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX given_up_at ON given_up (at);

  CREATE TABLE intents (
    id TEXT PRIMARY KEY,
    hash INTEGER NOT NULL,
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    payload BLOB NOT NULL,
    submission TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'completed', 'rolling-back')),
    events TEXT NOT NULL,
    status INTEGER NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    decided_at INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX intents_hash ON intents (hash);
  CREATE INDEX intents_due ON intents (next_attempt_at) WHERE state <> 'pending';

  CREATE TABLE pending (
    intent TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    prefix INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    name TEXT NOT NULL,
    search TEXT NOT NULL,
    materials TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (intent, ordinal)
  ) WITHOUT ROWID;
  CREATE INDEX pending_prefix ON pending (prefix);

  CREATE TABLE ready (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    receives INTEGER NOT NULL
  );
  CREATE TABLE leased (
    lease INTEGER PRIMARY KEY,
    nonce TEXT NOT NULL,
    leased_until INTEGER NOT NULL,
    position INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    receives INTEGER NOT NULL
  );
  CREATE INDEX leased_until ON leased (leased_until);
  CREATE TABLE delayed (
    position INTEGER PRIMARY KEY,
    due INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    receives INTEGER NOT NULL
  );
  CREATE INDEX delayed_due ON delayed (due);
  CREATE TABLE dead (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    receives INTEGER NOT NULL,
    died_at INTEGER NOT NULL,
    reason TEXT NOT NULL
  );
  CREATE INDEX dead_id ON dead (id);
  CREATE TABLE held (
    attempt TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (attempt, ordinal)
  ) WITHOUT ROWID;
  CREATE TABLE marks (
    attempt TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('held', 'released', 'removed')),
    at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX marks_at ON marks (at) WHERE state <> 'held';

  -- Counted as events move, so that nothing is ever counted by looking at all of them.
  CREATE TABLE counters (
    next_position INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    leased INTEGER NOT NULL,
    delayed INTEGER NOT NULL,
    dead INTEGER NOT NULL
  );
  INSERT INTO counters VALUES (1, 0, 0, 0, 0);
  `,
  // Indexes that are written late and in order: see late-index.ts.
  `
  CREATE TABLE formulas_by_prefix (prefix INTEGER, seq INTEGER, PRIMARY KEY (prefix, seq)) WITHOUT ROWID;
  CREATE TABLE formulas_by_search (search TEXT, seq INTEGER, PRIMARY KEY (search, seq)) WITHOUT ROWID;
  CREATE TABLE answers_by_hash (hash INTEGER, seq INTEGER, PRIMARY KEY (hash, seq)) WITHOUT ROWID;
  INSERT INTO formulas_by_prefix SELECT prefix, seq FROM formulas ORDER BY prefix;
  INSERT INTO formulas_by_search SELECT search, seq FROM formulas ORDER BY search;
  INSERT INTO answers_by_hash SELECT hash, seq FROM answers ORDER BY hash;
  DROP INDEX formulas_prefix;
  DROP INDEX formulas_search;
  DROP INDEX answers_hash;

  -- The last row of each table that its indexes hold, and the last answer that they have been rid of.
  CREATE TABLE indexed (formulas INTEGER NOT NULL, answers INTEGER NOT NULL, answers_gone INTEGER NOT NULL);
  INSERT INTO indexed VALUES (
    (SELECT ifnull(max(seq), 0) FROM formulas),
    (SELECT ifnull(max(seq), 0) FROM answers),
    (SELECT ifnull(min(seq) - 1, 0) FROM answers)
  );
  `,
  // Where the submission of an event is seen in a trace; null, which takes a byte, where it is not.
  `
  ALTER TABLE ready ADD COLUMN traceparent TEXT;
  ALTER TABLE leased ADD COLUMN traceparent TEXT;
  ALTER TABLE delayed ADD COLUMN traceparent TEXT;
  ALTER TABLE dead ADD COLUMN traceparent TEXT;
  ALTER TABLE held ADD COLUMN traceparent TEXT;
  `,
]

/** How many migrations a file has had; 0 when it is new. */
export const version = (db: DatabaseSync): number =>
  (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
