import { existsSync } from 'node:fs'
import { StoreRefused } from '../errors/store-errors.ts'
import { type StoreLocation, sameLocation } from './location.ts'
import { openMemory, openMemoryQueue } from './memory/engine.ts'
import type { EngineOptions, EventQueue, Stores } from './ports.ts'
import { openSqlite, type SqliteStores } from './sqlite/engine.ts'
import type { BoundQueue } from './sqlite/identity-table.ts'

interface StoresConfig {
  database: StoreLocation
  queue: StoreLocation
  options: EngineOptions
  /** Told once of what works, but not as well as its owner may think. */
  warn(message: string): void
}

/** Names the queue of a database that keeps both in its own file, wherever that file is moved. */
const OWN_FILE = ''
const MEMORY = 'memory:'

/**
 * Opens database and queue. Where both are one store, they share an engine and its transactions.
 * @throws {StoreRefused} when a store must not be opened as it is, or the queue is another than the one that still
 *   holds the database's events
 */
export async function openStores({ database, queue, options, warn }: StoresConfig): Promise<Stores> {
  if (database.engine === 'memory') return openMemory(options)
  const db = await openSqlite(database.path, options)
  try {
    if (sameLocation(database, queue)) {
      await bind(db, { queue: db.queue, location: OWN_FILE }, options)
      return db
    }
    if (queue.engine === 'memory') {
      warn('The queue is in memory and the database is not: events that wait when the process ends are lost')
      const memory = openMemoryQueue(options)
      await bind(db, { queue: memory, location: MEMORY }, options)
      return { ...db, queue: memory, intake: null }
    }
    return await withQueueFile(db, queue.path, options)
  } catch (error) {
    await db.close()
    throw error
  }
}

async function withQueueFile(db: SqliteStores, path: string, options: EngineOptions): Promise<Stores> {
  const bound = await db.boundQueue()
  // A file that is not there cannot be the bound queue: refused before it is made.
  if (bound !== null && !existsSync(path)) await refuseUnlessDrained(db, bound, path, options)
  const other = await openSqlite(path, options)
  const close = async (): Promise<void> => {
    await db.close()
    await other.close()
  }
  try {
    await bind(db, { queue: other.queue, location: path }, options)
  } catch (error) {
    await other.close()
    throw error
  }
  return { ...db, queue: other.queue, intake: null, close }
}

interface Candidate {
  queue: EventQueue
  location: string
}

/** Records which queue the database publishes to; refuses another while the old one still holds events. */
async function bind(db: SqliteStores, { queue, location }: Candidate, options: EngineOptions): Promise<void> {
  const id = await queue.identity()
  const bound = await db.boundQueue()
  if (bound !== null && bound.id !== id) await refuseUnlessDrained(db, bound, location, options)
  if (bound?.id !== id || bound.location !== location) await db.bindQueue(id, location)
}

/** @param location where the queue is that is to take the place of the bound one */
async function refuseUnlessDrained(
  db: SqliteStores,
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

/** How many events the old queue holds; null when it is not where it was. */
async function eventsLeft(
  db: SqliteStores,
  { id, location }: BoundQueue,
  options: EngineOptions,
): Promise<number | null> {
  if (location === MEMORY) return 0
  if (location !== OWN_FILE && !existsSync(location)) return null
  const old = location === OWN_FILE ? db : await openSqlite(location, options)
  try {
    if ((await old.queue.identity()) !== id) return null
    const { ready, leased, delayed, dead } = await old.queue.stats()
    return ready + leased + delayed + dead
  } finally {
    if (old !== db) await old.close()
  }
}

function urlOf(location: string): string {
  if (location === OWN_FILE) return "the database's own"
  return location === MEMORY ? MEMORY : `sqlite:${location}`
}
