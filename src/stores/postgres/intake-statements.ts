import { DURABLE } from './database.ts'
import { NOW } from './time.ts'

/**
 * Stores a batch of submissions, each as it was judged, in one round trip and one transaction: the write's own id, the
 * answers, the formulas, and their events or, in a saga, the intents. A member that meets what is stored already is
 * told in `refused`, and nothing of it is stored; its neighbours are. What another transaction stores in the meantime
 * is met by a unique index, which fails the statement as a whole.
 *
 * Every write takes its rows in one order: answers by slot, then formulas by fingerprint. So two of them can wait for
 * each other, but never both.
 *
 * $1 time, $2 id of the write, $3 how long answers are kept, then a column each: $4–$12 members, $13–$18 formulas; $19
 * how long the owner of an intent is trusted to be alive.
 */
export const WRITE = `
WITH given AS MATERIALIZED (
  SELECT * FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::smallint[], $11::text[], $12::text[])
    WITH ORDINALITY AS m (slot, caller, key, payload, submission, attempt, status, location, body, member)
), item AS MATERIALIZED (
  SELECT member, decode(id, 'hex') AS fingerprint, name, search, materials, created_at, ordinal
  FROM unnest($13::bigint[], $14::text[], $15::text[], $16::text[], $17::text[], $18::bigint[])
    WITH ORDINALITY AS i (member, id, name, search, materials, created_at, ordinal)
), refused AS MATERIALIZED (
  SELECT member FROM given JOIN formula_intake.answers USING (slot)
  UNION SELECT member FROM item JOIN formula_intake.formulas USING (fingerprint)
  UNION SELECT member FROM given JOIN formula_intake.intents ON intents.id = given.attempt
), accepted AS MATERIALIZED (
  SELECT given.*, CASE WHEN member IN (SELECT member FROM item) THEN attempt END AS holder
  FROM given WHERE member NOT IN (SELECT member FROM refused)
), written AS (
  INSERT INTO formula_intake.writes (id, at) SELECT $2::uuid, ${NOW} WHERE EXISTS (SELECT FROM accepted) RETURNING id
), kept AS (
  INSERT INTO formula_intake.answers
  SELECT slot, caller, key, decode(payload, 'hex'), submission, status, location, body, ${NOW} + $3::bigint, holder
  FROM accepted WHERE (SELECT count(*) FROM written) = 1 ORDER BY slot
  RETURNING slot
), numbered AS MATERIALIZED (
  SELECT nextval('formula_intake.acceptance') AS seq, i.*
  FROM (SELECT item.*, holder FROM item JOIN accepted USING (member) ORDER BY ordinal) AS i
), stored AS (
  INSERT INTO formula_intake.formulas
  SELECT fingerprint, seq, name, search, materials, created_at, holder FROM numbered
  WHERE (SELECT count(*) FROM kept) > 0 ORDER BY fingerprint
  RETURNING fingerprint
), published AS (
  INSERT INTO formula_intake.ready
  SELECT seq, fingerprint, name, created_at, 0 FROM numbered
  WHERE holder IS NULL AND (SELECT count(*) FROM stored) > 0 ORDER BY seq
), intended AS (
  INSERT INTO formula_intake.intents
    (id, state, events, status, location, body, decided_at, next_attempt_at, held_until)
  SELECT attempt, CASE WHEN holder IS NULL THEN 'removed' ELSE 'pending' END, (
      SELECT coalesce(json_agg(json_build_object('id', encode(fingerprint, 'hex'), 'name', name, 'at', created_at)
        ORDER BY seq), '[]') FROM numbered WHERE numbered.member = accepted.member
    )::text, status, location, body, ${NOW}, ${NOW}, ${NOW} + $19::bigint
  FROM accepted WHERE attempt IS NOT NULL
)
SELECT ARRAY(SELECT member::int FROM refused) AS refused, ${DURABLE}`

/** Frees the slots of answers that have expired. $1 time, $2 slots. */
export const FREE_EXPIRED = `
DELETE FROM formula_intake.answers WHERE slot = ANY ($2::uuid[]) AND attempt IS NULL AND expires_at <= ${NOW}`

/** What holds slots: an answer, or a submission that runs. $1 slots. */
export const ANSWERS = `
SELECT slot, encode(payload, 'hex') AS payload, submission, answers.status, answers.location, answers.body,
  attempt, intents.state
FROM formula_intake.answers LEFT JOIN formula_intake.intents ON intents.id = attempt
WHERE slot = ANY ($1::uuid[])`

/** What holds make-ups: a formula that is stored, or one that is pending. $1 fingerprints in hex. */
export const FORMULAS = `
SELECT encode(fingerprint, 'hex') AS id, name, materials, created_at, attempt, intents.state
FROM formula_intake.formulas LEFT JOIN formula_intake.intents ON intents.id = attempt
WHERE fingerprint = ANY (ARRAY(SELECT decode(id, 'hex') FROM unnest($1::text[]) AS given (id)))`

/** $1 ids of attempts. */
export const INTENTS = `
SELECT id, state, events FROM formula_intake.intents WHERE id = ANY ($1::text[])`

/**
 * Makes a write void unless it took effect, so that it never will; waits for one under way. $1 time, $2 id of the write.
 */
export const MAKE_VOID = `
WITH write AS (
  INSERT INTO formula_intake.writes AS w VALUES ($2::uuid, ${NOW}, true)
  ON CONFLICT (id) DO UPDATE SET void = w.void RETURNING void
)
SELECT void, ${DURABLE} FROM write`

/** $1 time, $2 how old, $3 limit. */
export const SWEEP_WRITES = `
DELETE FROM formula_intake.writes
WHERE id = ANY (ARRAY(SELECT id FROM formula_intake.writes WHERE at < ${NOW} - $2::bigint ORDER BY at LIMIT $3
  FOR UPDATE SKIP LOCKED))`

/** An answer that has been given and has not expired. $1 time, $2 slot. */
export const FIND = `
SELECT encode(payload, 'hex') AS payload, submission, status, location, body FROM formula_intake.answers
WHERE slot = $2 AND attempt IS NULL AND expires_at > ${NOW}`

/** $1 time, $2 limit. */
export const SWEEP_ANSWERS = `
DELETE FROM formula_intake.answers
WHERE slot = ANY (ARRAY(SELECT slot FROM formula_intake.answers WHERE expires_at <= ${NOW} AND attempt IS NULL
  ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1`
