import { EARLIER_VERSION, StoreRefused } from '../../errors/store-errors.ts'
import type { Database, Query } from './database.ts'
import { FUNCTIONS, SETTINGS } from './functions.ts'
import { LEASE_FUNCTIONS } from './lease-functions.ts'
import { SUBSCRIPTION_FUNCTIONS } from './subscription-functions.ts'

/** For tables whose rows come and go: vacuum after 5,000 dead rows, not after a fifth of the table, the default. */
const CHURNING = 'autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000'

/**
 * The migrations, in order; `formula_intake.layout_version` counts those that a database has. Never change a released
 * one. All names are qualified, those of built-in functions too, so nothing depends on session settings. Times are
 * milliseconds since the epoch. Instances of the previous version may still use the tables: add columns last and
 * nullable. Functions are replaced after the migrations; see functions.ts.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE formula_intake.identity (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    store_id text NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    queue_id text,
    queue_location text,
    erasures bigint NOT NULL DEFAULT 0
  );
  INSERT INTO formula_intake.identity DEFAULT VALUES;

  -- Stores that are or were moved in here, and how far their rows have been copied.
  CREATE TABLE formula_intake.moves (
    source text PRIMARY KEY,
    formulas bigint NOT NULL DEFAULT 0,
    answers bigint NOT NULL DEFAULT 0,
    done boolean NOT NULL DEFAULT false
  );

  -- Numbers formulas in order of acceptance.
  CREATE SEQUENCE formula_intake.acceptance;

  -- A formula with an attempt is pending or being erased: it claims its composition and is not visible.
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

  -- For slot and kept see kept-answer.ts; added holds the sequence numbers of the formulas that were added. An answer
  -- with an attempt is not given yet.
  CREATE TABLE formula_intake.answers (
    slot uuid PRIMARY KEY,
    payload bytea NOT NULL,
    submission uuid NOT NULL,
    status smallint NOT NULL,
    kept text NOT NULL,
    added bigint[] NOT NULL,
    submitted_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    attempt text
  ) WITH (autovacuum_vacuum_scale_factor = 0.02);
  CREATE INDEX answers_by_expiry ON formula_intake.answers (expires_at);
  CREATE INDEX answers_pending ON formula_intake.answers (attempt) WHERE attempt IS NOT NULL;
  -- The fingerprints of erased formulas: answers still name them by their ids.
  CREATE TABLE formula_intake.erased (seq bigint PRIMARY KEY, fingerprint bytea NOT NULL);

  -- The id of each write: when the outcome of a commit is in doubt, its row is found, or inserted as void to stop it.
  CREATE TABLE formula_intake.writes (
    id uuid PRIMARY KEY,
    at bigint NOT NULL,
    void boolean NOT NULL DEFAULT false
  ) WITH (${CHURNING});
  CREATE INDEX writes_by_time ON formula_intake.writes (at);

  -- The intents of sagas, with their events as parallel arrays; added is set on completion.
  CREATE TABLE formula_intake.intents (
    id text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('pending', 'completed', 'rolling-back', 'erasing', 'removed')),
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
    -- End of the lease of its owner, or of the instance that recovers it.
    held_until bigint NOT NULL
  ) WITH (fillfactor = 70);
  CREATE INDEX intents_open ON formula_intake.intents (state, next_attempt_at) WHERE state <> 'removed';
  CREATE INDEX intents_removed ON formula_intake.intents (decided_at) WHERE state = 'removed';

  -- The last position in the log. A write locks this row last, so positions follow the order of commits.
  CREATE TABLE formula_intake.log (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    head bigint NOT NULL DEFAULT 0
  ) WITH (fillfactor = 10, ${CHURNING});
  INSERT INTO formula_intake.log DEFAULT VALUES;

  -- Append-only, without gaps. An erased event is blanked: it keeps its position and time.
  CREATE TABLE formula_intake.events (
    position bigint PRIMARY KEY,
    fingerprint bytea,
    formula bigint,
    at bigint NOT NULL,
    body text
  ) WITH (autovacuum_vacuum_scale_factor = 0.02);
  CREATE INDEX events_by_formula ON formula_intake.events (formula);
  CREATE INDEX events_blank ON formula_intake.events (position) WHERE fingerprint IS NULL;

  -- The position is that of the last event handed out. No lease or delay ends at or before due_after.
  CREATE SEQUENCE formula_intake.subscription_ids;
  CREATE TABLE formula_intake.subscriptions (
    id integer PRIMARY KEY DEFAULT pg_catalog.nextval('formula_intake.subscription_ids'),
    name text COLLATE "C" NOT NULL UNIQUE,
    created_at bigint NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    position bigint NOT NULL,
    due_after bigint NOT NULL DEFAULT -1
  ) WITH (fillfactor = 10, ${CHURNING});
  INSERT INTO formula_intake.subscriptions (name, created_at, position) VALUES ('default',
    pg_catalog.floor(extract(epoch FROM pg_catalog.statement_timestamp()) OPERATOR(pg_catalog.*) 1000), 0);

  -- Numbers dead letters and redrives.
  CREATE SEQUENCE formula_intake.deaths;

  -- Events that a subscription has taken from the log and not acknowledged. By state, the rank is: leased or delayed,
  -- when that ends; returned, the position; redriven, the number of the redrive; dead, the number of the death. Behind
  -- is the head of the log at the redrive. A delivery that is or was dead has a copy of its event.
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
  ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);
  -- Partial, though every state matches: a lookup by position has no condition on the state, so the planner cannot
  -- choose this index for it and scan all deliveries of the subscription.
  CREATE INDEX deliveries_by_rank ON formula_intake.deliveries (subscription, state, rank) WHERE state <> '';
  CREATE INDEX deliveries_copied ON formula_intake.deliveries (fingerprint) WHERE fingerprint IS NOT NULL;

  CREATE TABLE formula_intake.held (
    attempt text NOT NULL,
    ordinal integer NOT NULL,
    fingerprint bytea NOT NULL,
    at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (attempt, ordinal)
  ) WITH (${CHURNING});
  CREATE TABLE formula_intake.marks (
    attempt text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('held', 'released', 'removed')),
    at bigint NOT NULL
  ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
  CREATE INDEX marks_by_time ON formula_intake.marks (at) WHERE state <> 'held';
  `,
]

/** The storage parameters of a table, which the profile `portable` leaves out. */
const STORAGE = / WITH \((?:autovacuum|fillfactor)[^)]*\)/g

/** Waiting longer for a table would block every later statement on it, and a dump may read it for hours. */
const LOCK_TIMEOUT = `SET LOCAL lock_timeout = '2s'`

const CREATE_VERSION = `
CREATE SCHEMA IF NOT EXISTS formula_intake;
CREATE TABLE formula_intake.layout_version (version integer NOT NULL);
INSERT INTO formula_intake.layout_version VALUES (0)`

const VERSION = 'SELECT version FROM formula_intake.layout_version'

/** Earlier versions of the service kept their count in a table of another name. */
const FOUND = `
SELECT pg_catalog.current_setting('server_encoding') AS encoding,
  pg_catalog.to_regclass('formula_intake.version') IS NOT NULL
    OR pg_catalog.to_regclass('formula_intake.schema_version') IS NOT NULL AS is_earlier,
  pg_catalog.to_regclass('formula_intake.layout_version') IS NOT NULL AS is_ours`

/** Privileges that the service needs and does not have. */
const MISSING_PRIVILEGES = `
SELECT needed, relname AS name FROM pg_catalog.pg_class,
  (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS rights (needed)
WHERE relnamespace = pg_catalog.to_regnamespace('formula_intake')::oid AND relkind = 'r' AND relname <> 'layout_version'
  AND NOT pg_catalog.has_table_privilege(oid, needed)
UNION ALL
SELECT 'USAGE', relname FROM pg_catalog.pg_class
WHERE relnamespace = pg_catalog.to_regnamespace('formula_intake')::oid
  AND CASE relkind WHEN 'S' THEN NOT pg_catalog.has_sequence_privilege(oid, 'USAGE') END
UNION ALL
SELECT 'EXECUTE', proname FROM pg_catalog.pg_proc
WHERE pronamespace = pg_catalog.to_regnamespace('formula_intake')::oid
  AND NOT pg_catalog.has_function_privilege(oid, 'EXECUTE')
ORDER BY 2, 1`

/** SQLSTATEs of what exists already: a row in a catalog, a schema, a table or its type. */
const EXISTS = /^(23505|42P06|42P07|42710)$/
/** SQLSTATEs of refusals that a retry cannot change: authentication, and a database that does not exist. */
const REFUSED = /^(28|3D000)/
const INSUFFICIENT_PRIVILEGE = '42501'
const INVALID_PASSWORD = '28P01'
const PASSWORDS = 'it is that of the URL, of PGPASSWORD or of a password file'
const RIGHTS = 'docs/postgresql.md says which rights the service needs'

/**
 * Migrates the database to this version's schema. Instances that start together take turns, and only the first does it.
 * @throws {StoreRefused} when another version of the service wrote it, a privilege is missing, the server refuses the
 *   connection, or the encoding is not UTF8
 * @throws {StoreUnavailable} also when a table stays locked for too long; nothing is changed then
 */
export async function migrate(database: Database): Promise<void> {
  const apply = () => database.transaction((query) => applyMigrations(query, database.isPortable))
  try {
    await apply().catch((error) => {
      if (!EXISTS.test(codeOf(error))) throw error
      // Another instance created the tables first. The server waited for its commit.
      return apply()
    })
    const missing = await database.query(MISSING_PRIVILEGES)
    if (missing.length === 0) return
    const rights = missing.map(({ needed, name }) => `${needed} on ${name}`).join(', ')
    throw new StoreRefused(`PostgreSQL: the service has no right to ${rights} in formula_intake; ${RIGHTS}`)
  } catch (error) {
    throw asRefusal(error as Error)
  }
}

const codeOf = ({ cause }: Error): string => (cause as { code?: string } | undefined)?.code ?? ''

/** @returns a refusal when the server refused for good, else the error itself */
function asRefusal(error: Error): Error {
  const code = codeOf(error)
  if (code === INSUFFICIENT_PRIVILEGE) return new StoreRefused(`${error.message}; ${RIGHTS}`)
  if (code === INVALID_PASSWORD) return new StoreRefused(`${error.message}; ${PASSWORDS}`)
  return REFUSED.test(code) ? new StoreRefused(error.message) : error
}

async function applyMigrations(query: Query, isPortable: boolean): Promise<void> {
  const [{ encoding, is_earlier, is_ours } = {}] = await query(FOUND)
  if (encoding !== 'UTF8') {
    throw new StoreRefused(`The database has the encoding ${encoding}: the service needs one with UTF8`)
  }
  if (is_earlier === true) throw new StoreRefused(`The database ${EARLIER_VERSION}`)
  if (is_ours !== true) await query(CREATE_VERSION)
  let done = await versionOf(query, VERSION)
  // Waits for an instance that migrates, and sees what it did.
  if (done < migrations.length) done = await versionOf(query, `${VERSION} FOR UPDATE`)
  if (done > migrations.length) {
    throw new StoreRefused(`The database was written by a newer version of this service (schema ${done})`)
  }
  if (done === migrations.length) return
  await query(LOCK_TIMEOUT)
  const functions = [...FUNCTIONS, ...LEASE_FUNCTIONS, ...SUBSCRIPTION_FUNCTIONS]
  for (const statement of [...migrations.slice(done), ...functions]) {
    await query(isPortable ? statement.replaceAll(STORAGE, '').replaceAll(SETTINGS, '') : statement)
  }
  await query('UPDATE formula_intake.layout_version SET version = $1', [migrations.length])
}

async function versionOf(query: Query, statement: string): Promise<number> {
  return (await query(statement))[0]?.version as number
}
