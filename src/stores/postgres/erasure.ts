import { isFingerprint } from '../../formula/identity.ts'
import { ERASING, type FormulaDb, HEAD_START_MS, type Intake } from '../ports.ts'
import { CONFIRMED, type Database, DURABLE, type GivenTime, NOW } from './database.ts'
import { INTENT, openAttempts } from './saga.ts'
import type { Vacuum } from './vacuum.ts'

/** Answers still name erased formulas by their ids. */
const KEPT = 'INSERT INTO formula_intake.erased SELECT seq, fingerprint FROM erased'

const COUNTED = `UPDATE formula_intake.identity SET erasures = erasures + 1 WHERE EXISTS (SELECT FROM erased)`

/** $1 fingerprint in hex. */
const ERASE = `
WITH erased AS (
  DELETE FROM formula_intake.formulas WHERE fingerprint = pg_catalog.decode($1, 'hex') AND attempt IS NULL
  RETURNING seq, fingerprint
), kept AS (${KEPT}), counted AS (${COUNTED})
SELECT seq FROM erased`

/**
 * Empties the row of a formula, which claims its composition until the erasure is finished. $1 time, $2 erasure,
 * $3 fingerprint in hex, $4 reason, $5 head start.
 */
const START = `
WITH erased AS (
  UPDATE formula_intake.formulas SET attempt = $2, search = '', document = ''
  WHERE fingerprint = pg_catalog.decode($3, 'hex') AND attempt IS NULL RETURNING seq, fingerprint
), kept AS (${KEPT}), counted AS (${COUNTED})
INSERT INTO formula_intake.intents (id, state, event_ids, added, reason, decided_at, next_attempt_at, held_until)
SELECT $2, 'erasing', ARRAY[$3], ARRAY[seq], $4, ${NOW}, ${NOW} + $5::bigint, 0 FROM erased
RETURNING ${INTENT}, ${DURABLE}`

/** The erasure that is owed for a composition. $1 fingerprint in hex. */
const OWED = `
SELECT ${INTENT} FROM formula_intake.intents WHERE state = 'erasing' AND id = (
  SELECT attempt FROM formula_intake.formulas WHERE fingerprint = pg_catalog.decode($1, 'hex')
) FOR UPDATE`

/** Erases formulas: with their events, or as the first step of an erasure that goes on in another queue. */
export function erasures(database: Database, time: GivenTime, vacuum: Vacuum) {
  const atOnce: Intake['erase'] = async (id) => {
    if (!isFingerprint(id)) return false
    const isErased = await database.transaction(async (query) => {
      const [row] = await query(ERASE, [id])
      if (row === undefined) await query(`SELECT ${CONFIRMED}`)
      else await query('SELECT formula_intake.erase($1, $2)', [id, row.seq])
      return row !== undefined
    })
    if (isErased) vacuum.request()
    return isErased
  }
  const start: FormulaDb['erase'] = async (erasureId, id) => {
    if (!isFingerprint(id)) return null
    const started = await database.query(START, [time(), erasureId, id, ERASING, HEAD_START_MS])
    if (started.length > 0) vacuum.request()
    const rows = started.length > 0 ? started : await database.query(OWED, [id])
    if (rows.length === 0) await database.execute(`SELECT ${CONFIRMED}`)
    return (await openAttempts(database, rows))[0] ?? null
  }
  const count: FormulaDb['erasures'] = async () =>
    (await database.value<number>('SELECT erasures FROM formula_intake.identity')) as number
  return { atOnce, start, count }
}
