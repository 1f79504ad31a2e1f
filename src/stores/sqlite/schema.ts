import type { DatabaseSync } from 'node:sqlite'

/** The size of a page in bytes: half of SQLite's default, because a commit writes whole pages. */
export const PAGE_SIZE = 2_048
/** Marks a file as ours: "FFI" and the layout number. */
export const APPLICATION_ID = 0x46464904
/** The marks of earlier versions, whose files cannot be migrated. */
export const EARLIER_IDS: readonly number[] = [0x46464901, 0x46464902, 0x46464903]

/**
 * The migrations, in order; `PRAGMA user_version` counts those that a file has had. Never change a released one. Hashes are
 * indexed by their first 48 bits (`prefix`), an integer that SQLite stores in 6 bytes: see `prefixOf`. Every lookup also
 * compares the whole value.
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
    fingerprint BLOB NOT NULL,
    search TEXT NOT NULL,
    document TEXT NOT NULL
  );
  -- An answer refers to its formulas: see kept-answer.ts. The formulas it added have consecutive numbers.
  CREATE TABLE answers (
    seq INTEGER PRIMARY KEY,
    slot BLOB NOT NULL,
    payload BLOB NOT NULL,
    submission BLOB NOT NULL,
    status INTEGER NOT NULL,
    kept TEXT NOT NULL,
    first_added INTEGER NOT NULL,
    added INTEGER NOT NULL,
    submitted_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  );
  -- The fingerprints of erased formulas: answers still name them by their ids.
  CREATE TABLE erased (seq INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL);
  -- Late indexes: see late-index.ts.
  CREATE TABLE formulas_by_prefix (prefix INTEGER, seq INTEGER, PRIMARY KEY (prefix, seq)) WITHOUT ROWID;
  CREATE TABLE formulas_by_search (search TEXT, seq INTEGER, PRIMARY KEY (search, seq)) WITHOUT ROWID;
  CREATE TABLE answers_by_prefix (prefix INTEGER, seq INTEGER, PRIMARY KEY (prefix, seq)) WITHOUT ROWID;
  -- The last indexed row of each table, and the last answer whose index entry is deleted.
  CREATE TABLE indexed (formulas INTEGER NOT NULL, answers INTEGER NOT NULL, answers_gone INTEGER NOT NULL);
  INSERT INTO indexed VALUES (0, 0, 0);

  CREATE TABLE given_up (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX given_up_at ON given_up (at);

  CREATE TABLE intents (
    id TEXT PRIMARY KEY,
    slot BLOB NOT NULL,
    payload BLOB NOT NULL,
    submission TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'completed', 'rolling-back', 'erasing')),
    events TEXT NOT NULL,
    kept TEXT NOT NULL,
    first_added INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    decided_at INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX intents_slot ON intents (slot);
  CREATE INDEX intents_due ON intents (next_attempt_at) WHERE state <> 'pending';
  CREATE TABLE pending (
    intent TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    search TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (intent, ordinal)
  ) WITHOUT ROWID;
  CREATE INDEX pending_fingerprint ON pending (fingerprint);

  -- The event log. An erased event keeps its row; fingerprint, formula and body are null. Where formulas and events share
  -- the file, an event's position is the number of its formula, so only others need an index.
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    fingerprint BLOB,
    formula INTEGER,
    at INTEGER NOT NULL,
    body TEXT
  );
  CREATE INDEX events_formula ON events (formula) WHERE formula <> position;
  CREATE INDEX events_blank ON events (position) WHERE fingerprint IS NULL;

  -- The number of deliveries by state is kept here, so that no query has to count them.
  CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL,
    leased INTEGER NOT NULL DEFAULT 0,
    delayed INTEGER NOT NULL DEFAULT 0,
    returned INTEGER NOT NULL DEFAULT 0,
    redriven INTEGER NOT NULL DEFAULT 0,
    dead INTEGER NOT NULL DEFAULT 0
  );

  -- Events that a subscription has taken from the log. rank is the order within a state: for leased and delayed, when
  -- that ends; for returned, the position; for redriven and dead, a number given at the time. A redriven delivery is due
  -- once the subscription has passed position after. Dead ones have a copy of their event (fingerprint, formula, at, body),
  -- which they keep when redriven; in others these are null.
  CREATE TABLE deliveries (
    position INTEGER NOT NULL,
    subscription INTEGER NOT NULL,
    state TEXT NOT NULL,
    rank INTEGER NOT NULL,
    receives INTEGER NOT NULL,
    nonce TEXT,
    after INTEGER,
    died_at INTEGER,
    reason TEXT,
    detail TEXT,
    fingerprint BLOB,
    formula INTEGER,
    at INTEGER,
    body TEXT,
    PRIMARY KEY (position, subscription)
  ) WITHOUT ROWID;
  CREATE INDEX deliveries_rank ON deliveries (subscription, state, rank);
  CREATE INDEX deliveries_copied ON deliveries (fingerprint) WHERE fingerprint IS NOT NULL;

  -- The last numbers given to a formula, an event, and a death or redrive, for when the row is deleted: none is given twice.
  CREATE TABLE numbers (formula INTEGER NOT NULL, position INTEGER NOT NULL, death INTEGER NOT NULL);
  INSERT INTO numbers VALUES (0, 0, 0);

  CREATE TABLE held (
    attempt TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (attempt, ordinal)
  ) WITHOUT ROWID;
  CREATE TABLE marks (
    attempt TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('held', 'released', 'removed')),
    at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX marks_at ON marks (at) WHERE state <> 'held';
  `,
]

/** The number of migrations that a file has had; 0 when it is new. */
export const version = (db: DatabaseSync): number =>
  (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version

/** Migrates a file to the latest version. @param storeId the identity of a new file */
export function migrate(db: DatabaseSync, storeId: string): void {
  for (let done = version(db); done < migrations.length; done++) {
    db.exec('BEGIN IMMEDIATE')
    db.exec(migrations[done] as string)
    if (done === 0) {
      db.prepare('INSERT INTO identity (store_id) VALUES (?)').run(storeId)
      db.prepare(`INSERT INTO subscriptions (name, created_at, position) VALUES ('default', ?, 0)`).run(Date.now())
    }
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
    db.exec(`PRAGMA user_version = ${done + 1}`)
    db.exec('COMMIT')
  }
}
