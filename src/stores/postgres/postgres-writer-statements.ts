/** Whether anything is there. */
export const IS_EMPTY = `
SELECT NOT EXISTS (SELECT FROM formula_intake.formulas) AND NOT EXISTS (SELECT FROM formula_intake.answers)
  AND NOT EXISTS (SELECT FROM formula_intake.ready) AND NOT EXISTS (SELECT FROM formula_intake.leased)
  AND NOT EXISTS (SELECT FROM formula_intake.dead) AS is_empty`

/** $1 store. */
export const MOVE = `SELECT formulas, answers, done FROM formula_intake.moves WHERE source = $1`
export const BEGIN_MOVE = `INSERT INTO formula_intake.moves (source) VALUES ($1)`
export const FORMULAS_MOVED = `UPDATE formula_intake.moves SET formulas = $2 WHERE source = $1`
export const ANSWERS_MOVED = `UPDATE formula_intake.moves SET answers = $2 WHERE source = $1`
export const END_MOVE = `UPDATE formula_intake.moves SET done = true WHERE source = $1`

/** Stores that are being moved in here. */
export const UNFINISHED_MOVES = `SELECT source FROM formula_intake.moves WHERE NOT done`

/** $1 numbers, $2 fingerprints in hex, $3 names, $4 what they are searched by, $5 materials, $6 times. */
export const ADD_FORMULAS = `
INSERT INTO formula_intake.formulas (seq, fingerprint, name, search, materials, created_at)
SELECT seq, pg_catalog.decode(id, 'hex'), name, search, materials, created_at
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
  AS moved (seq, id, name, search, materials, created_at)
ON CONFLICT (fingerprint) DO NOTHING`

/** A column each, in the order of the table; of two for one slot the later is the one that counts. */
export const ADD_ANSWERS = `
INSERT INTO formula_intake.answers
SELECT DISTINCT ON (slot) slot, caller, key, pg_catalog.decode(payload, 'hex'), submission, status, location, body,
  expires_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::text[],
    $9::bigint[])
  WITH ORDINALITY AS moved (slot, caller, key, payload, submission, status, location, body, expires_at, ordinal)
ORDER BY slot, ordinal DESC
ON CONFLICT (slot) DO UPDATE SET payload = excluded.payload, submission = excluded.submission,
  status = excluded.status, location = excluded.location, body = excluded.body, expires_at = excluded.expires_at`

/** Events are copied from the beginning whenever a move is taken up again: they may have come and gone meanwhile. */
export const CLEAR_EVENTS = `
TRUNCATE formula_intake.ready, formula_intake.returned, formula_intake.delayed, formula_intake.leased,
  formula_intake.dead, formula_intake.marks`

const EVENTS = `
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::integer[], $6::text[], $7::bigint[], $8::text[],
    $9::text[])
  AS moved (position, id, name, created_at, receives, state, at, reason, traceparent)`
const EVENT = `position, pg_catalog.decode(id, 'hex'), name, created_at, receives`

/** $1 positions, $2 fingerprints in hex, $3 names, $4 times, $5 receives, $6 states, $7 times, $8 reasons,
 * $9 traceparents. */
export const ADD_EVENTS = [
  `INSERT INTO formula_intake.ready SELECT ${EVENT}, traceparent ${EVENTS} WHERE state = 'ready'`,
  `INSERT INTO formula_intake.returned SELECT ${EVENT}, traceparent ${EVENTS} WHERE state = 'returned'`,
  `INSERT INTO formula_intake.delayed SELECT ${EVENT}, at, traceparent ${EVENTS} WHERE state = 'delayed'`,
  `INSERT INTO formula_intake.dead SELECT ${EVENT}, at, reason, traceparent ${EVENTS} WHERE state = 'dead'`,
]

export const ADD_MARKS = `
INSERT INTO formula_intake.marks SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])`

/** $1 store, $2 queue, $3 where the queue is. */
export const TAKE_IDENTITY = `UPDATE formula_intake.identity SET store_id = $1, queue_id = $2, queue_location = $3`

/** What is numbered next comes behind all that was moved. $1 the last number that an event had. */
export const NUMBER_ON = `
SELECT pg_catalog.setval('formula_intake.acceptance',
    greatest($1::bigint, (SELECT pg_catalog.max(seq) FROM formula_intake.formulas), 1)),
  pg_catalog.setval('formula_intake.deaths',
    greatest($1::bigint, (SELECT pg_catalog.max(seq) FROM formula_intake.dead), 1))`

/** $1 after, $2 limit. */
export const FORMULAS_BACK = `
SELECT seq, pg_catalog.encode(fingerprint, 'hex') AS id, name, materials, created_at AS "createdAt"
FROM formula_intake.formulas
WHERE seq > $1 ORDER BY seq LIMIT $2`

/** $1 after, $2 limit. */
export const ANSWERS_BACK = `
SELECT slot, caller, key, pg_catalog.encode(payload, 'hex') AS payload, submission, status, location, body,
  expires_at AS "expiresAt" FROM formula_intake.answers
WHERE slot > $1::uuid ORDER BY slot LIMIT $2`

/** $1 after (its state, its position), $2, $3 limit. */
export const EVENTS_BACK = `
SELECT * FROM (
  SELECT 'ready' AS state, position, pg_catalog.encode(id, 'hex') AS id, name, created_at AS "createdAt", receives,
    0::bigint AS at, '' AS reason, traceparent FROM formula_intake.ready
  UNION ALL SELECT 'returned', position, pg_catalog.encode(id, 'hex'), name, created_at, receives, 0, '', traceparent
  FROM formula_intake.returned
  UNION ALL SELECT 'delayed', position, pg_catalog.encode(id, 'hex'), name, created_at, receives, due, '', traceparent
  FROM formula_intake.delayed
  UNION ALL SELECT 'dead', seq, pg_catalog.encode(id, 'hex'), name, created_at, receives, died_at, reason, traceparent
  FROM formula_intake.dead
) AS event
WHERE (state, position) > ($1::text, $2::bigint) ORDER BY state, position LIMIT $3`
