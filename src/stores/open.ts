import { bindQueue, MEMORY, OWN, refuseWhatIsGone } from './bind-queue.ts'
import type { DurableStores } from './durable.ts'
import { describeLocation, type StoreLocation, sameLocation } from './location.ts'
import { openMemory, openMemoryQueue } from './memory/engine.ts'
import { openDurable } from './open-durable.ts'
import type { EngineOptions, Stores } from './ports.ts'

interface StoresConfig {
  database: StoreLocation
  queue: StoreLocation
  options: EngineOptions
  /** Told once of what works, but not as well as its owner may think. */
  warn(message: string): void
}

/**
 * Opens database and queue. Where both are one store, they share an engine and its transactions.
 * @throws {StoreRefused} when a store must not be opened as it is, or the queue is another than the one that still
 *   holds the database's events
 * @throws {StoreUnavailable} when a store does not answer
 */
export async function openStores({ database, queue, options, warn }: StoresConfig): Promise<Stores> {
  if (database.engine === 'memory') return openMemory(options)
  const db = await openDurable(database, options)
  try {
    if (sameLocation(database, queue)) return await withOwnQueue(db, options)
    if (queue.engine === 'memory') {
      warn('The queue is in memory and the database is not: events that wait when the process ends are lost')
      const memory = openMemoryQueue(options)
      await bindQueue(db, { queue: memory, location: MEMORY }, options)
      return { ...db, queue: memory, intake: null }
    }
    return await withOtherQueue(db, queue, options)
  } catch (error) {
    await db.close()
    throw error
  }
}

async function withOwnQueue(db: DurableStores, options: EngineOptions): Promise<Stores> {
  await bindQueue(db, { queue: db.queue, location: OWN }, options)
  return db
}

async function withOtherQueue(
  db: DurableStores,
  queue: Exclude<StoreLocation, { engine: 'memory' }>,
  options: EngineOptions,
): Promise<Stores> {
  await refuseWhatIsGone(db, queue, options)
  const other = await openDurable(queue, options)
  try {
    // One server may have several names.
    if ((await other.queue.identity()) === (await db.queue.identity())) {
      await other.close()
      return await withOwnQueue(db, options)
    }
    await bindQueue(db, { queue: other.queue, location: describeLocation(queue) }, options)
  } catch (error) {
    await other.close()
    throw error
  }
  const close = async (): Promise<void> => {
    await db.close()
    await other.close()
  }
  return { ...db, queue: other.queue, intake: null, close }
}
