import { existsSync } from 'node:fs'
import { StoreRefused } from '../errors/store-errors.ts'
import { describeLocation, parseLocation, type StoreLocation, sameLocation } from './location.ts'
import type { BoundQueue, DurableStores, EngineOptions, EventQueue, Stores } from './ports.ts'

/** Recorded as the queue's location when it is in the database's own store, so that the store can be moved. */
const OWN = ''
const MEMORY = 'memory:'

type DurableLocation = Exclude<StoreLocation, { engine: 'memory' }>

interface StoresConfig {
  database: StoreLocation
  queue: StoreLocation
  options: EngineOptions
  /** Called with a warning for the operator. */
  warn(message: string): void
}

/**
 * Opens database and queue. If both are one store, they share an engine and its transactions.
 * @throws {StoreRefused} when a store cannot be used, or the queue was changed while the old one still holds events
 * @throws {StoreUnavailable} when a store does not answer
 */
export async function openStores({ database, queue, options, warn }: StoresConfig): Promise<Stores> {
  if (database.engine === 'memory') return (await import('./sqlite/memory.ts')).openMemory(options)
  const db = await openDurable(database, options)
  try {
    if (queue.engine === 'memory') {
      warn('The queue is in memory and the database is not: events that wait when the process ends are lost')
      const memory = (await import('./sqlite/memory.ts')).openMemoryQueue(options)
      await bindQueue(db, memory, MEMORY, options)
      return { ...db, queue: memory, intake: null }
    }
    if (!sameLocation(database, queue)) return await withOtherQueue(db, queue, options)
    await bindQueue(db, db.queue, OWN, options)
    return db
  } catch (error) {
    await db.close()
    throw error
  }
}

async function withOtherQueue(db: DurableStores, queue: DurableLocation, options: EngineOptions): Promise<Stores> {
  await refuseMissingFile(db, queue, options)
  const other = await openDurable(queue, options)
  try {
    // One server may have several names.
    if ((await other.queue.identity()) === (await db.queue.identity())) {
      await other.close()
      await bindQueue(db, db.queue, OWN, options)
      return db
    }
    await bindQueue(db, other.queue, describeLocation(queue), options)
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

/** Loads only the engine that is used: each takes time and memory. */
async function openDurable(location: DurableLocation, options: EngineOptions): Promise<DurableStores> {
  if (location.engine === 'sqlite') return (await import('./sqlite/engine.ts')).openSqlite(location.path, options)
  return (await import('./postgres/engine.ts')).openPostgres(location.url, options)
}

/**
 * Records which queue the database publishes to.
 * @throws {StoreRefused} when it was another queue that still holds events
 */
async function bindQueue(
  db: DurableStores,
  queue: EventQueue,
  location: string,
  options: EngineOptions,
): Promise<void> {
  const id = await queue.identity()
  const bound = await db.boundQueue()
  if (bound !== null && bound.id !== id) await refuseUnlessDrained(db, bound, location, options)
  if (bound?.id !== id || bound.location !== location) await db.bindQueue(id, location)
}

/**
 * A missing file cannot be the bound queue. Checked first, because opening it would create it.
 * @throws {StoreRefused}
 */
async function refuseMissingFile(db: DurableStores, queue: StoreLocation, options: EngineOptions): Promise<void> {
  if (queue.engine !== 'sqlite' || existsSync(queue.path)) return
  const bound = await db.boundQueue()
  if (bound !== null) await refuseUnlessDrained(db, bound, queue.path, options)
}

/** @param location the location of the new queue */
async function refuseUnlessDrained(
  db: DurableStores,
  bound: BoundQueue,
  location: string,
  options: EngineOptions,
): Promise<void> {
  const old = `QUEUE_URL was changed from ${urlOf(bound.location)}`
  if (await db.hasOpenAttempts()) throw new StoreRefused(`${old} while submissions are unfinished`)
  // A different queue at the same location means that the old one is lost.
  const left = bound.location === location ? null : await eventsLeft(db, bound, options)
  if (left === null) throw new StoreRefused(`${old}, which is not there to be drained`)
  if (left > 0) throw new StoreRefused(`${old}, which still holds ${left} event(s)`)
}

/** @returns the most events that a subscription of the old queue still holds; null when the queue cannot be found */
async function eventsLeft(
  db: DurableStores,
  { id, location }: BoundQueue,
  options: EngineOptions,
): Promise<number | null> {
  if (location === MEMORY) return 0
  const old = location === OWN ? db : await openOld(location, options)
  if (old === null) return null
  try {
    if ((await old.queue.identity()) !== id) return null
    const subscriptions = await old.queue.subscriptions()
    return Math.max(...subscriptions.map(({ ready, leased, delayed, dead }) => ready + leased + delayed + dead))
  } finally {
    if (old !== db) await old.close()
  }
}

/** The recorded location has no credentials: PostgreSQL gets those of PGUSER and PGPASSWORD, if any. */
async function openOld(location: string, options: EngineOptions): Promise<DurableStores | null> {
  const place = parseLocation(urlOf(location))
  if (place.engine === 'memory' || (place.engine === 'sqlite' && !existsSync(place.path))) return null
  if (place.engine === 'sqlite') return openDurable(place, options)
  return openDurable(place, options).catch(() => null)
}

function urlOf(location: string): string {
  if (location === OWN) return "the database's own"
  return location === MEMORY || location.startsWith('postgres:') ? location : `sqlite:${location}`
}
