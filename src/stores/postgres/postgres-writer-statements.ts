/** Whether anything is there. */
export const IS_EMPTY = `
SELECT NOT EXISTS (SELECT FROM formula_intake.formulas) AND NOT EXISTS (SELECT FROM formula_intake.answers)
  AND NOT EXISTS (SELECT FROM formula_intake.events) AND NOT EXISTS (SELECT FROM formula_intake.deliveries)
  AND NOT EXISTS (SELECT FROM formula_intake.log WHERE head > 0) AS is_empty`

/** $1 store. */
export const MOVE = `SELECT formulas, answers, done FROM formula_intake.moves WHERE source = $1`
export const BEGIN_MOVE = `INSERT INTO formula_intake.moves (source) VALUES ($1)`
export const FORMULAS_MOVED = `UPDATE formula_intake.moves SET formulas = $2 WHERE source = $1`
export const ANSWERS_MOVED = `UPDATE formula_intake.moves SET answers = $2 WHERE source = $1`
export const END_MOVE = `UPDATE formula_intake.moves SET done = true WHERE source = $1`

/** Stores that are being moved in here. */
export const UNFINISHED_MOVES = `SELECT source FROM formula_intake.moves WHERE NOT done`

/** $1 numbers, $2 fingerprints in hex, $3 search keys, $4 documents. */
export const ADD_FORMULAS = `
INSERT INTO formula_intake.formulas (seq, fingerprint, search, document)
SELECT seq, pg_catalog.decode(id, 'hex'), search, document
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS moved (seq, id, search, document)
ON CONFLICT (fingerprint) DO NOTHING`

/**
 * A column each; of two for one slot the later is the one that counts. $1 slots, $2 payloads, $3 submissions, $4 statuses,
 * $5 what is kept, $6 first numbers added, $7 how many, $8 times.
 */
export const ADD_ANSWERS = `
INSERT INTO formula_intake.answers (slot, payload, submission, status, kept, added, expires_at)
SELECT DISTINCT ON (slot) slot, pg_catalog.decode(payload, 'hex'), submission, status, kept,
  ARRAY(SELECT pg_catalog.generate_series(first, first + added - 1)), expires_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[])
  WITH ORDINALITY AS moved (slot, payload, submission, status, kept, first, added, expires_at, ordinal)
ORDER BY slot, ordinal DESC
ON CONFLICT (slot) DO UPDATE SET payload = excluded.payload, submission = excluded.submission,
  status = excluded.status, kept = excluded.kept, added = excluded.added, expires_at = excluded.expires_at`

/** The queue is copied from the beginning whenever a move is taken up again: it may have changed meanwhile. */
export const CLEAR_QUEUE = `
TRUNCATE formula_intake.events, formula_intake.subscriptions, formula_intake.deliveries, formula_intake.marks`

/** $1 positions, $2 fingerprints in hex, $3 numbers of formulas, $4 times, $5 bodies. */
export const ADD_EVENTS = `
INSERT INTO formula_intake.events SELECT position, pg_catalog.decode(id, 'hex'), formula, at, body
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[]) AS moved (position, id, formula, at, body)`

/** $1 ids, $2 names, $3 times, $4 whether they are paused, $5 positions. */
export const ADD_SUBSCRIPTIONS = `
INSERT INTO formula_intake.subscriptions (id, name, created_at, paused, position)
SELECT * FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::boolean[], $5::bigint[])`

/** A column each: as they stand below, the id being the fingerprint in hex. */
export const ADD_DELIVERIES = `
INSERT INTO formula_intake.deliveries
  (subscription, position, state, rank, receives, behind, died_at, reason, detail, fingerprint, formula, at, body)
SELECT subscription, position, state, rank, receives, behind, died_at, reason, detail, pg_catalog.decode(id, 'hex'),
  formula, at, body
FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::bigint[], $5::integer[], $6::bigint[], $7::bigint[], $8::text[],
    $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::text[])
  AS moved (subscription, position, state, rank, receives, behind, died_at, reason, detail, id, formula, at, body)`

export const ADD_MARKS = `
INSERT INTO formula_intake.marks SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])`

/** $1 store, $2 queue, $3 where the queue is. */
export const TAKE_IDENTITY = `UPDATE formula_intake.identity SET store_id = $1, queue_id = $2, queue_location = $3`

/** What is numbered next comes behind all that was moved. The last numbers of $1 formulas, $2 deaths and redrives. */
export const NUMBER_ON = `
SELECT pg_catalog.setval('formula_intake.acceptance', greatest($1::bigint, 1)),
  pg_catalog.setval('formula_intake.deaths', greatest($2::bigint, 1)),
  pg_catalog.setval('formula_intake.subscription_ids', pg_catalog.max(id)) FROM formula_intake.subscriptions`

/** $1 the last position given. */
export const SET_HEAD = `UPDATE formula_intake.log SET head = $1`

/** $1 after, $2 limit. */
export const FORMULAS_BACK = `
SELECT seq, pg_catalog.encode(fingerprint, 'hex') AS id, search AS "searchKey", document FROM formula_intake.formulas
WHERE seq > $1 ORDER BY seq LIMIT $2`

/** $1 after, $2 limit. */
export const ANSWERS_BACK = `
SELECT slot, pg_catalog.encode(payload, 'hex') AS payload, submission, status, kept,
  coalesce(added[1], 0) AS "firstAdded", pg_catalog.cardinality(added) AS added, expires_at AS "expiresAt"
FROM formula_intake.answers WHERE slot > $1::uuid ORDER BY slot LIMIT $2`

/** $1 after, $2 limit. */
export const EVENTS_BACK = `
SELECT position, pg_catalog.encode(fingerprint, 'hex') AS id, formula, at AS "createdAt", body
FROM formula_intake.events WHERE position > $1 ORDER BY position LIMIT $2`

/** $1 after, $2 limit. */
export const SUBSCRIPTIONS_BACK = `
SELECT id, name, created_at AS "createdAt", paused, position FROM formula_intake.subscriptions
WHERE id > $1 ORDER BY id LIMIT $2`

/** $1, $2 after (subscription, position), $3 limit. */
export const DELIVERIES_BACK = `
SELECT subscription, position, state, rank, receives, behind AS after, died_at AS "diedAt", reason, detail,
  pg_catalog.encode(fingerprint, 'hex') AS id, formula, at AS "createdAt", body FROM formula_intake.deliveries
WHERE (subscription, position) > ($1::integer, $2::bigint) ORDER BY subscription, position LIMIT $3`
