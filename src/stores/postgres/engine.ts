import { StoreRefused } from '../../errors/store-errors.ts'
import type { BoundQueue, DurableStores, EngineOptions, Standby } from '../ports.ts'
import { Database, givenTime } from './database.ts'
import { erasures } from './erasure.ts'
import { eventQueue } from './event-queue.ts'
import { formulaReads } from './formula-list.ts'
import { PostgresIntake } from './intake.ts'
import { ReadyNotifier } from './ready-notifier.ts'
import { cleanupQueue, sagaSteps } from './saga.ts'
import { migrate } from './schema.ts'
import { Vacuum } from './vacuum.ts'

const BOUND_QUEUE = `
SELECT queue_id AS id, queue_location AS location FROM formula_intake.identity WHERE queue_id IS NOT NULL`

const BIND_QUEUE = `UPDATE formula_intake.identity SET queue_id = $1, queue_location = $2`

const HAS_OPEN_ATTEMPTS = `SELECT EXISTS (SELECT FROM formula_intake.intents WHERE state <> 'removed')`

const IS_MOVING = `SELECT EXISTS (SELECT FROM formula_intake.moves WHERE NOT done)`

/** Changes nothing, but fails on a server that accepts no writes, for example a standby. */
const PROBE = `DELETE FROM formula_intake.writes WHERE id = '00000000-0000-0000-0000-000000000000'`

/**
 * The standbys as a JSON array; no row for a role that may not see them. Receivers that replay nothing are no standbys: a
 * base backup, or an archive of the log.
 */
const STANDBYS = `
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', application_name, 'state', sync_state,
  'lagBytes', pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn))), '[]') AS standbys
FROM pg_catalog.pg_stat_replication WHERE replay_lsn IS NOT NULL
HAVING pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')`

/**
 * Opens all stores in one PostgreSQL database, which any number of instances may share.
 * @throws {StoreRefused} when it must not be used as it is, or the server refuses the connection
 * @throws {StoreUnavailable} when it does not answer
 */
export async function openPostgres(url: string, options: EngineOptions): Promise<DurableStores> {
  const { clock, answerTtlMs, maxReceives, onCommit = () => {} } = options
  const database = new Database(url)
  const notifier = new ReadyNotifier(database)
  const time = givenTime(clock)
  const vacuum = new Vacuum(database, clock)
  const erasure = erasures(database, time, vacuum)
  const intake = new PostgresIntake(database, { clock, time, notifier, answerTtlMs, onCommit, erase: erasure.atOnce })
  const probe = () => database.execute(PROBE)
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    vacuum.close()
    closed ??= notifier.close().then(() => database.close())
    return closed
  }
  try {
    await migrate(database)
    if (await database.value(IS_MOVING))
      throw new StoreRefused('A store is being moved to this database: finish that move first')
    await database.checkIsolation()
  } catch (error) {
    await close()
    throw error
  }
  return {
    db: {
      ...formulaReads(database),
      ...sagaSteps(database, time, answerTtlMs, vacuum),
      add: (id, of) => intake.add(id, of),
      erase: erasure.start,
      erasures: erasure.count,
      probe,
    },
    queue: {
      ...eventQueue({ database, clock, time, maxReceives, notifier, vacuum }),
      identity: async () => (await database.value('SELECT store_id FROM formula_intake.identity')) as string,
      probe,
    },
    idempotency: intake,
    cleanups: cleanupQueue(database, clock),
    intake,
    boundQueue: async () => ((await database.query(BOUND_QUEUE))[0] ?? null) as BoundQueue | null,
    bindQueue: (id, location) => database.execute(BIND_QUEUE, [id, location]),
    hasOpenAttempts: async () => (await database.value(HAS_OPEN_ATTEMPTS)) === true,
    standbys: () => database.value<Standby[]>(STANDBYS),
    close,
  }
}
