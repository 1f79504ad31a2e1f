import { type Clock, isoTime } from '../../kit/clock.ts'
import {
  type Cleanup,
  type CleanupQueue,
  type Decision,
  type FormulaDb,
  HEAD_START_MS,
  type OpenAttempt,
  ORPHANED,
  OWNER_LEASE_MS,
} from '../ports.ts'
import { type Database, DURABLE, type GivenTime, givenTime, NOW, type Row, sweepOf, Unstorable } from './database.ts'
import { readAnswers, toEvents } from './lookup.ts'
import type { Vacuum } from './vacuum.ts'

export const INTENT = `id, state, event_ids, event_bodies, event_at, added, status, kept, attempts`

/**
 * The decision on an attempt. FOR UPDATE makes a server fail that was demoted to a standby: from its stale rows, an attempt
 * that has been completed would count as abandoned, and be removed. $1 id of the attempt.
 */
const INTENT_BY_ID = `SELECT ${INTENT} FROM formula_intake.intents WHERE id = $1 FOR UPDATE`

/** Decides to roll an attempt back; leaves a tombstone if it was never added. $1 time, $2 attempt, $3 reason, $4 head start. */
const ABANDON = `
WITH decided AS (
  INSERT INTO formula_intake.intents AS own (id, state, decided_at, next_attempt_at, held_until)
  VALUES ($2, 'removed', ${NOW}, 0, 0)
  ON CONFLICT (id) DO UPDATE
  SET state = 'rolling-back', reason = $3, decided_at = ${NOW}, next_attempt_at = ${NOW} + $4::bigint, held_until = 0
  WHERE own.state = 'pending'
)
SELECT ${DURABLE}`

/** Removes what an attempt left, unless it is completed, and leaves a tombstone. $1 time, $2 attempt. */
const REMOVE = `
WITH gone AS (
  INSERT INTO formula_intake.intents AS own (id, state, decided_at, next_attempt_at, held_until)
  VALUES ($2, 'removed', ${NOW}, 0, 0)
  ON CONFLICT (id) DO UPDATE SET state = 'removed', event_ids = '{}', event_bodies = '{}',
    kept = NULL, decided_at = ${NOW}
  WHERE own.state <> 'completed'
  RETURNING id
), formulas AS (
  DELETE FROM formula_intake.formulas WHERE attempt IN (SELECT id FROM gone)
), answers AS (
  DELETE FROM formula_intake.answers WHERE attempt IN (SELECT id FROM gone)
)
SELECT ${DURABLE}`

/** Returns a row for an erasure. $1 attempt. */
const FINISH = `
WITH done AS (
  DELETE FROM formula_intake.intents WHERE id = $1 AND state IN ('completed', 'erasing') RETURNING id, state
)
DELETE FROM formula_intake.formulas WHERE attempt IN (SELECT id FROM done WHERE state = 'erasing') RETURNING 1`

/** $1 time, $2 limit, $3 age in ms. */
export const SWEEP_TOMBSTONES = sweepOf('intents', {
  key: 'id',
  where: `state = 'removed' AND decided_at < ${NOW} - $3::bigint`,
  oldestBy: 'decided_at',
})

/** Renews the leases of attempts that this instance runs or recovers. $1 time, $2 attempts, $3 lease in ms. */
const RENEW = `
UPDATE formula_intake.intents SET held_until = ${NOW} + $3::bigint
WHERE id = ANY ($2::text[]) AND (state = 'pending' OR held_until > ${NOW})`

/** Decides to roll back attempts whose owner's lease has ended. $1 time, $2 reason. */
const ADOPT = `
UPDATE formula_intake.intents
SET state = 'rolling-back', reason = $2, decided_at = ${NOW}, next_attempt_at = ${NOW}, held_until = 0
WHERE state = 'pending' AND held_until <= ${NOW}
RETURNING 1`

/** Makes decided attempts due unless another instance holds them. $1 time. */
const MAKE_DUE = `
UPDATE formula_intake.intents SET next_attempt_at = ${NOW}
WHERE state IN ('completed', 'rolling-back', 'erasing') AND next_attempt_at > ${NOW} AND held_until <= ${NOW}`

/** $1 limit. */
const CLEANUPS = `
SELECT id, event_ids AS "formulaIds", reason, attempts, decided_at AS "createdAt", next_attempt_at AS "nextAttemptAt"
FROM formula_intake.intents WHERE state IN ('rolling-back', 'erasing') ORDER BY decided_at, id LIMIT $1`

/** Leases due attempts, so that no other instance recovers them too. $1 time, $2 limit, $3 lease in ms. */
const DUE = `
WITH due AS (
  UPDATE formula_intake.intents SET held_until = ${NOW} + $3::bigint
  WHERE id = ANY (ARRAY(
    SELECT id FROM formula_intake.intents
    WHERE state IN ('completed', 'rolling-back', 'erasing') AND next_attempt_at <= ${NOW} AND held_until <= ${NOW}
    ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED
  ))
  RETURNING *
)
SELECT ${INTENT} FROM due ORDER BY next_attempt_at`

/** The attempt that added a formula, if its events are not released yet. $1 sequence number. */
const UNRELEASED = `
SELECT ${INTENT} FROM formula_intake.intents WHERE state = 'completed' AND $1::bigint = ANY (added)`

const OLDEST_COMPLETED = `
SELECT pg_catalog.min(decided_at)::bigint FROM formula_intake.intents WHERE state = 'completed'`

/** $1 time, $2 attempt, $3 reason, $4 delay in ms. */
const POSTPONE = `
UPDATE formula_intake.intents
SET attempts = attempts + 1, reason = $3, next_attempt_at = ${NOW} + $4::bigint, held_until = 0
WHERE id = $2 AND state IN ('completed', 'rolling-back', 'erasing')`

/** $1 time, $2 attempt. */
const RETRY = `
UPDATE formula_intake.intents SET next_attempt_at = ${NOW}, held_until = 0
WHERE id = $2 AND state IN ('rolling-back', 'erasing') RETURNING 1`

/** The steps of a saga that follow `add`. */
export function sagaSteps(database: Database, time: GivenTime, answerTtlMs: number, vacuum: Vacuum) {
  const decision = async (id: string): Promise<Decision> => {
    const [decision] = await decisionsOf(database, await database.query(INTENT_BY_ID, [id]))
    return decision ?? { kind: 'abandoned' }
  }
  return {
    async complete(id) {
      await database.call('complete', time(), id, answerTtlMs, HEAD_START_MS)
      return decision(id)
    },
    async abandon(id, reason) {
      await database.query(ABANDON, [time(), id, reason, HEAD_START_MS])
      return decision(id)
    },
    remove: (id) => database.execute(REMOVE, [time(), id]),
    async finish(id) {
      const erased = await database.query(FINISH, [id])
      // The intent of its submission may have been removed just before.
      if (erased.length > 0) vacuum.request()
    },
  } satisfies Partial<FormulaDb>
}

/** The cleanups of a database. Each is leased to one instance at a time. */
export function cleanupQueue(database: Database, clock: Clock): CleanupQueue {
  const time = givenTime(clock)
  return {
    async adoptOrphans() {
      const orphans = await database.query(ADOPT, [time(), ORPHANED])
      await database.query(MAKE_DUE, [time()])
      return orphans.length
    },
    async heartbeat(running) {
      if (running.length > 0) await database.query(RENEW, [time(), running, OWNER_LEASE_MS])
      await database.query(ADOPT, [time(), ORPHANED])
    },
    list: async (limit) => (await database.query(CLEANUPS, [limit])).map(toCleanup),
    async due(limit) {
      return openAttempts(database, await database.query(DUE, [time(), limit, OWNER_LEASE_MS]))
    },
    oldestUnfinished: async () => (await database.value<number>(OLDEST_COMPLETED)) ?? null,
    postpone: (id, reason, nextAttemptAt) =>
      database.execute(POSTPONE, [time(), id, reason, nextAttemptAt - clock.now()]),
    async retry(id) {
      try {
        return (await database.query(RETRY, [time(), id])).length > 0
      } catch (error) {
        if (error instanceof Unstorable) return false
        throw error
      }
    },
  }
}

async function decisionsOf(database: Database, intents: Row[]): Promise<Decision[]> {
  const completed = intents.filter(({ state }) => state === 'completed')
  const answers = await readAnswers(database, completed)
  return intents.map((intent) => {
    const answer = answers[completed.indexOf(intent)]
    return answer === undefined ? { kind: 'abandoned' } : { kind: 'completed', answer, events: toEvents(intent) }
  })
}

/** @param intents decided ones */
export async function openAttempts(database: Database, intents: Row[]): Promise<OpenAttempt[]> {
  const decisions: OpenAttempt['decision'][] = await decisionsOf(database, intents)
  for (const [index, { state, event_ids, added }] of intents.entries()) {
    if (state !== 'erasing') continue
    const formula = { id: (event_ids as string[])[0] as string, seq: (added as number[])[0] as number }
    const unreleased = await openAttempts(database, await database.query(UNRELEASED, [formula.seq]))
    decisions[index] = { kind: 'erased', formula, unreleased }
  }
  return intents.map(({ id, attempts }, index) => ({ id, attempts, decision: decisions[index] }) as OpenAttempt)
}

const toCleanup = ({ createdAt, nextAttemptAt, ...cleanup }: Row) =>
  ({ ...cleanup, createdAt: isoTime(createdAt as number), nextAttemptAt: isoTime(nextAttemptAt as number) }) as Cleanup
