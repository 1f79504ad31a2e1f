import { randomUUID } from 'node:crypto'
import { StoreRefused } from '../../errors/store-errors.ts'
import { isTakenIn } from '../decide.ts'
import type { BoundQueue, DurableStores, EngineOptions, IdempotencyStore, Intake } from '../ports.ts'
import { Database, type GivenTime, givenTime } from './database.ts'
import { eventQueue } from './event-queue.ts'
import { visibleFormulas } from './formula-list.ts'
import { PostgresIntake } from './intake.ts'
import { SWEEP_ANSWERS, SWEEP_WRITES } from './intake-statements.ts'
import { UNFINISHED_MOVES } from './postgres-writer-statements.ts'
import { ReadyNotifier } from './ready-notifier.ts'
import { cleanupQueue, sagaSteps } from './saga-intents.ts'
import { SWEEP_TOMBSTONES } from './saga-statements.ts'
import { migrate } from './schema-version.ts'

const STORE_ID = `SELECT store_id FROM formula_intake.identity`

const BOUND_QUEUE = `
SELECT queue_id AS id, queue_location AS location FROM formula_intake.identity WHERE queue_id IS NOT NULL`

const BIND_QUEUE = `UPDATE formula_intake.identity SET queue_id = $1, queue_location = $2`

const HAS_OPEN_ATTEMPTS = `
SELECT EXISTS (SELECT FROM formula_intake.intents WHERE state <> 'removed') AS open`

/** Changes nothing; where nothing can be changed, on a standby for instance, it fails. */
const PROBE = `DELETE FROM formula_intake.writes WHERE id = '00000000-0000-0000-0000-000000000000'`

/** How long the ids of writes are kept, in milliseconds: nobody asks later what became of one. */
const WRITES_KEPT_MS = 3_600_000

/**
 * Opens all stores in one PostgreSQL database, which any number of instances may share.
 * @throws {StoreRefused} when it must not be used as it is, or the server lets nobody in so
 * @throws {StoreUnavailable} when it does not answer
 */
export async function openPostgres(url: string, options: EngineOptions): Promise<DurableStores> {
  const { clock, answerTtlMs, maxReceives, onCommit = () => {} } = options
  const database = new Database(url)
  const hints = new ReadyNotifier(database, randomUUID())
  const time = givenTime(clock)
  const intake = new PostgresIntake(database, { clock, time, answerTtlMs, onCommit })
  const probe = async (): Promise<void> => void (await database.query(PROBE))
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= hints.close().then(() => database.close())
    return closed
  }
  try {
    await bringUp(database)
  } catch (error) {
    await close()
    throw error
  }
  return {
    db: {
      ...visibleFormulas(database),
      ...sagaSteps(database, time, answerTtlMs),
      add: (id, of) => intake.add(id, of),
      probe,
    },
    queue: eventQueue({ database, clock, time, maxReceives, hints, identity: () => storeId(database), probe }),
    idempotency: idempotency(database, intake, time, answerTtlMs),
    cleanups: cleanupQueue(database, clock),
    intake: hinting(intake, hints),
    ...binding(database),
    close,
  }
}

async function bringUp(database: Database): Promise<void> {
  await migrate(database)
  const moves = await database.query(UNFINISHED_MOVES)
  if (moves.length > 0) throw new StoreRefused('A store is being moved to this database: end that first')
  await database.checkIsolation()
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
        await database.query(SWEEP_WRITES, [time(), WRITES_KEPT_MS, limit]),
        await database.query(SWEEP_TOMBSTONES, [time(), answerTtlMs, limit]),
      ]
      // As long as there may be more of any of them it is asked again.
      return Math.max(...swept.map(({ length }) => length))
    },
  }
}

function hinting(intake: PostgresIntake, hints: ReadyNotifier): Intake {
  return {
    async accept(submission, notAfter) {
      const verdict = await intake.accept(submission, notAfter)
      if (isTakenIn(verdict, submission)) hints.give()
      return verdict
    },
    giveUp: (submissionId) => intake.giveUp(submissionId),
  }
}

async function storeId(database: Database): Promise<string> {
  const [row] = await database.query(STORE_ID)
  return row?.store_id as string
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
    async hasOpenAttempts() {
      const [row] = await database.query(HAS_OPEN_ATTEMPTS)
      return row?.open === true
    },
  }
}
