import { existsSync } from 'node:fs'
import { StoreRefused } from '../errors/store-errors.ts'
import { describeLocation, parseLocation, type StoreLocation, sameLocation } from './location.ts'
import type { BoundQueue, DurableStores, EngineOptions, EventQueue, Stores } from './ports.ts'

/** Names the queue of a database that keeps both in one store, wherever that store is moved. */
const OWN = ''
const MEMORY = 'memory:'

type DurableLocation = Exclude<StoreLocation, { engine: 'memory' }>

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
  if (database.engine === 'memory') return (await import('./sqlite/memory.ts')).openMemory(options)
  const db = await openDurable(database, options)
  try {
    if (sameLocation(database, queue)) return await withOwnQueue(db, options)
    if (queue.engine === 'memory') {
      warn('The queue is in memory and the database is not: events that wait when the process ends are lost')
      const memory = (await import('./sqlite/memory.ts')).openMemoryQueue(options)
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

async function withOtherQueue(db: DurableStores, queue: DurableLocation, options: EngineOptions): Promise<Stores> {
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

/** Opens all stores of one durable database. An engine takes time and memory to load, so only the one in use is. */
async function openDurable(location: DurableLocation, options: EngineOptions): Promise<DurableStores> {
  if (location.engine === 'sqlite') return (await import('./sqlite/engine.ts')).openSqlite(location.path, options)
  return (await import('./postgres/engine.ts')).openPostgres(location.url, options)
}

interface Candidate {
  queue: EventQueue
  location: string
}

/**
 * Records which queue the database publishes to.
 * @throws {StoreRefused} when it is another than before, and the old one still holds events
 */
async function bindQueue(db: DurableStores, { queue, location }: Candidate, options: EngineOptions): Promise<void> {
  const id = await queue.identity()
  const bound = await db.boundQueue()
  if (bound !== null && bound.id !== id) await refuseUnlessDrained(db, bound, location, options)
  if (bound?.id !== id || bound.location !== location) await db.bindQueue(id, location)
}

/**
 * A file that is not there cannot be the bound queue: it is refused before it is made.
 * @throws {StoreRefused}
 */
async function refuseWhatIsGone(db: DurableStores, queue: StoreLocation, options: EngineOptions): Promise<void> {
  if (queue.engine !== 'sqlite' || existsSync(queue.path)) return
  const bound = await db.boundQueue()
  if (bound !== null) await refuseUnlessDrained(db, bound, queue.path, options)
}

/** @param location where the queue is that is to take the place of the bound one */
async function refuseUnlessDrained(
  db: DurableStores,
  bound: BoundQueue,
  location: string,
  options: EngineOptions,
): Promise<void> {
  const old = `QUEUE_URL was changed from ${urlOf(bound.location)}`
  if (await db.hasOpenAttempts()) throw new StoreRefused(`${old} while submissions are unfinished`)
  // Another queue in the very place of the old one: that one is lost.
  const left = bound.location === location ? null : await eventsLeft(db, bound, options)
  if (left === null) throw new StoreRefused(`${old}, which is not there to be drained`)
  if (left > 0) throw new StoreRefused(`${old}, which still holds ${left} event(s)`)
}

/** How many events a subscription of the old queue still has to hand out; null when the queue is not where it was. */
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

/** Who may enter a PostgreSQL server is not recorded: PGUSER and PGPASSWORD, or its own rules, have to tell. */
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
