import { randomUUID } from 'node:crypto'
import { StoreRefused } from '../../errors/store-errors.ts'
import { isTakenIn } from '../decide.ts'
import type { BoundQueue, DurableStores, EngineOptions, IdempotencyStore, Intake } from '../ports.ts'
import { Database, type GivenTime, givenTime, NOW, sweepOf } from './database.ts'
import { eventQueue } from './event-queue.ts'
import { formulaReads } from './formula-list.ts'
import { PostgresIntake } from './intake.ts'
import { ReadyNotifier } from './ready-notifier.ts'
import { cleanupQueue, SWEEP_TOMBSTONES, sagaSteps } from './saga.ts'
import { migrate } from './schema.ts'

const BOUND_QUEUE = `
SELECT queue_id AS id, queue_location AS location FROM formula_intake.identity WHERE queue_id IS NOT NULL`

const BIND_QUEUE = `UPDATE formula_intake.identity SET queue_id = $1, queue_location = $2`

const HAS_OPEN_ATTEMPTS = `SELECT EXISTS (SELECT FROM formula_intake.intents WHERE state <> 'removed')`

const IS_MOVING = `SELECT EXISTS (SELECT FROM formula_intake.moves WHERE NOT done)`

/** Changes nothing, and fails where nothing can be changed, for example on a standby. */
const PROBE = `DELETE FROM formula_intake.writes WHERE id = '00000000-0000-0000-0000-000000000000'`

/** $1 time, $2 limit. */
const SWEEP_ANSWERS = sweepOf('answers', {
  key: 'slot',
  where: `expires_at <= ${NOW} AND attempt IS NULL`,
  oldestBy: 'expires_at',
})

/** $1 time, $2 limit, $3 age in ms. */
const SWEEP_WRITES = sweepOf('writes', { key: 'id', where: `at < ${NOW} - $3::bigint`, oldestBy: 'at' })

/** How long the ids of writes are kept, in milliseconds; doubts about a write are settled long before. */
const WRITES_KEPT_MS = 3_600_000

/**
 * Opens all stores in one PostgreSQL database, which any number of instances may share.
 * @throws {StoreRefused} when it must not be used as it is, or the server refuses the connection
 * @throws {StoreUnavailable} when it does not answer
 */
export async function openPostgres(url: string, options: EngineOptions): Promise<DurableStores> {
  const { clock, answerTtlMs, maxReceives, onCommit = () => {} } = options
  const database = new Database(url)
  const notifier = new ReadyNotifier(database, randomUUID())
  const time = givenTime(clock)
  const intake = new PostgresIntake(database, { clock, time, answerTtlMs, onCommit })
  const probe = async (): Promise<void> => void (await database.query(PROBE))
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= notifier.close().then(() => database.close())
    return closed
  }
  try {
    await migrate(database)
    if (await database.value(IS_MOVING))
      throw new StoreRefused('A store is being moved to this database: end that first')
    await database.checkIsolation()
  } catch (error) {
    await close()
    throw error
  }
  return {
    db: {
      ...formulaReads(database),
      ...sagaSteps(database, time, answerTtlMs),
      add: (id, of) => intake.add(id, of),
      probe,
    },
    queue: {
      ...eventQueue({ database, clock, time, maxReceives, notifier }),
      identity: async () => (await database.value('SELECT store_id FROM formula_intake.identity')) as string,
      probe,
    },
    idempotency: idempotency(database, intake, time, answerTtlMs),
    cleanups: cleanupQueue(database, clock),
    intake: notifying(intake, notifier),
    ...binding(database),
    close,
  }
}

function idempotency(
  database: Database,
  intake: PostgresIntake,
  time: GivenTime,
  answerTtlMs: number,
): IdempotencyStore {
  return {
    find: (caller, key) => intake.find(caller, key),
    async sweep(limit) {
      intake.forgetGivenUp()
      const swept = [
        await database.query(SWEEP_ANSWERS, [time(), limit]),
        await database.query(SWEEP_WRITES, [time(), limit, WRITES_KEPT_MS]),
        await database.query(SWEEP_TOMBSTONES, [time(), limit, answerTtlMs]),
      ]
      // The caller sweeps again when the limit was reached, so report the longest.
      return Math.max(...swept.map(({ length }) => length))
    },
  }
}

function notifying(intake: PostgresIntake, notifier: ReadyNotifier): Intake {
  return {
    async accept(submission, notAfter) {
      const verdict = await intake.accept(submission, notAfter)
      if (isTakenIn(verdict, submission)) notifier.notify()
      return verdict
    },
    giveUp: (submissionId) => intake.giveUp(submissionId),
  }
}

function binding(database: Database): Pick<DurableStores, 'boundQueue' | 'bindQueue' | 'hasOpenAttempts'> {
  return {
    async boundQueue() {
      const [row] = await database.query(BOUND_QUEUE)
      return (row ?? null) as BoundQueue | null
    },
    async bindQueue(id, location) {
      await database.query(BIND_QUEUE, [id, location])
    },
    hasOpenAttempts: async () => (await database.value(HAS_OPEN_ATTEMPTS)) === true,
  }
}
