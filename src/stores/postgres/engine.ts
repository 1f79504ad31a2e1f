import { randomUUID } from 'node:crypto'
import { StoreRefused } from '../../errors/store-errors.ts'
import { isFingerprint } from '../../formula/fingerprint.ts'
import { isTakenIn } from '../decide.ts'
import type { BoundQueue, DurableStores } from '../durable.ts'
import type { EngineOptions, FormulaDb, Intake } from '../ports.ts'
import { Database } from './database.ts'
import { eventQueue } from './event-queue.ts'
import { formulaList } from './formula-list.ts'
import * as formulas from './formula-statements.ts'
import * as identity from './identity-statements.ts'
import { PostgresIntake } from './intake.ts'
import { SWEEP_ANSWERS, SWEEP_WRITES } from './intake-statements.ts'
import { withMaterials } from './lookup.ts'
import { UNFINISHED_MOVES } from './postgres-writer-statements.ts'
import { ReadyNotifier } from './ready-notifier.ts'
import { cleanupQueue, sagaSteps } from './saga-intents.ts'
import { SWEEP_TOMBSTONES } from './saga-statements.ts'
import { migrate } from './schema-version.ts'
import { givenTime } from './time.ts'

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
  const probe = async (): Promise<void> => void (await database.query(identity.PROBE))
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= hints.close().then(() => database.close())
    return closed
  }
  try {
    await migrate(database)
    const moves = await database.query(UNFINISHED_MOVES)
    if (moves.length > 0) throw new StoreRefused('A store is being moved to this database: end that first')
  } catch (error) {
    await close()
    throw error
  }
  return {
    db: { ...reads(database), ...sagaSteps(database, time, answerTtlMs), add: (id, of) => intake.add(id, of), probe },
    queue: eventQueue({ database, clock, time, maxReceives, hints, identity: () => storeId(database), probe }),
    idempotency: {
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
    },
    cleanups: cleanupQueue(database, clock),
    intake: hinting(intake, hints),
    ...binding(database),
    close,
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

function reads(database: Database): Pick<FormulaDb, 'get' | 'list'> {
  return {
    async get(id) {
      const [row] = isFingerprint(id) ? await database.query(formulas.GET, [id]) : []
      return row === undefined ? null : withMaterials(row)
    },
    list: formulaList(database),
  }
}

async function storeId(database: Database): Promise<string> {
  const [row] = await database.query(identity.STORE_ID)
  return row?.store_id as string
}

function binding(database: Database): Pick<DurableStores, 'boundQueue' | 'bindQueue' | 'hasOpenAttempts'> {
  return {
    async boundQueue() {
      const [row] = await database.query(identity.BOUND_QUEUE)
      return (row ?? null) as BoundQueue | null
    },
    async bindQueue(id, location) {
      await database.query(identity.BIND_QUEUE, [id, location])
    },
    async hasOpenAttempts() {
      const [row] = await database.query(identity.HAS_OPEN_ATTEMPTS)
      return row?.open === true
    },
  }
}
