import { type Clock, isoTime } from '../../kit/clock.ts'
import {
  type Cleanup,
  type CleanupQueue,
  type Decision,
  HEAD_START_MS,
  type OpenAttempt,
  ORPHANED,
  OWNER_LEASE_MS,
} from '../ports.ts'
import { toEvents } from './batch-item.ts'
import { type Database, type GivenTime, givenTime, type Row, Unstorable } from './database.ts'
import { readAnswers, toKept } from './kept-answers.ts'
import * as sql from './saga-statements.ts'

/** The steps of a saga that follow `add`. */
export function sagaSteps(database: Database, time: GivenTime, answerTtlMs: number) {
  const decision = async (id: string): Promise<Decision> => {
    const [decision] = await decisionsOf(database, await database.query(sql.INTENT_BY_ID, [id]))
    return decision ?? { kind: 'abandoned' }
  }
  return {
    async complete(id: string): Promise<Decision> {
      await database.query(sql.COMPLETE, [time(), id, answerTtlMs, HEAD_START_MS])
      return decision(id)
    },
    async abandon(id: string, reason: string): Promise<Decision> {
      await database.query(sql.ABANDON, [time(), id, reason, HEAD_START_MS])
      return decision(id)
    },
    async remove(id: string): Promise<void> {
      await database.query(sql.REMOVE, [time(), id])
    },
    async finish(id: string): Promise<void> {
      await database.query(sql.FINISH, [id])
    },
  }
}

/** What sagas owe, worked off by one instance at a time. */
export function cleanupQueue(database: Database, clock: Clock): CleanupQueue {
  const time = givenTime(clock)
  return {
    async adoptOrphans() {
      const orphans = await database.query(sql.ADOPT, [time(), ORPHANED])
      await database.query(sql.HASTEN, [time()])
      return orphans.length
    },
    async heartbeat(running) {
      if (running.length > 0) await database.query(sql.RENEW, [time(), running, OWNER_LEASE_MS])
      await database.query(sql.ADOPT, [time(), ORPHANED])
    },
    list: async (limit) => (await database.query(sql.CLEANUPS, [limit])).map(toCleanup),
    async due(limit) {
      const rows = await database.query(sql.DUE, [time(), limit, OWNER_LEASE_MS])
      const decisions = await decisionsOf(database, rows)
      return rows.map(({ id, attempts }, index) => {
        return { id, attempts, decision: decisions[index] } as OpenAttempt
      })
    },
    async oldestUnfinished() {
      const [row] = await database.query(sql.OLDEST_COMPLETED)
      return (row?.at ?? null) as number | null
    },
    async postpone(id, reason, nextAttemptAt) {
      await database.query(sql.POSTPONE, [time(), id, reason, nextAttemptAt - clock.now()])
    },
    async retry(id) {
      try {
        return (await database.query(sql.RETRY, [time(), id])).length > 0
      } catch (error) {
        if (error instanceof Unstorable) return false
        throw error
      }
    },
  }
}

/** Where the decisions on attempts stand. */
async function decisionsOf(database: Database, intents: Row[]): Promise<Decision[]> {
  const completed = intents.filter(({ state }) => state === 'completed')
  const answers = await readAnswers((text, values) => database.query(text, values), completed.map(toKept))
  return intents.map((intent) => {
    const answer = answers[completed.indexOf(intent)]
    return answer === undefined ? { kind: 'abandoned' } : { kind: 'completed', answer, events: toEvents(intent) }
  })
}

const toCleanup = (row: Row): Cleanup => ({
  id: row.id as string,
  formulaIds: row.event_ids as string[],
  reason: row.reason as string,
  attempts: row.attempts as number,
  createdAt: isoTime(row.decided_at as number),
  nextAttemptAt: isoTime(row.next_attempt_at as number),
})
