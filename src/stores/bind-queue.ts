import { existsSync } from 'node:fs'
import { StoreRefused } from '../errors/store-errors.ts'
import type { BoundQueue, DurableStores } from './durable.ts'
import { parseLocation, type StoreLocation } from './location.ts'
import { openDurable } from './open-durable.ts'
import type { EngineOptions, EventQueue } from './ports.ts'

/** Names the queue of a database that keeps both in one store, wherever that store is moved. */
export const OWN = ''
export const MEMORY = 'memory:'

interface Candidate {
  queue: EventQueue
  location: string
}

/**
 * Records which queue the database publishes to.
 * @throws {StoreRefused} when it is another than before, and the old one still holds events
 */
export async function bindQueue(
  db: DurableStores,
  { queue, location }: Candidate,
  options: EngineOptions,
): Promise<void> {
  const id = await queue.identity()
  const bound = await db.boundQueue()
  if (bound !== null && bound.id !== id) await refuseUnlessDrained(db, bound, location, options)
  if (bound?.id !== id || bound.location !== location) await db.bindQueue(id, location)
}

/**
 * A file that is not there cannot be the bound queue: it is refused before it is made.
 * @throws {StoreRefused}
 */
export async function refuseWhatIsGone(db: DurableStores, queue: StoreLocation, options: EngineOptions): Promise<void> {
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

/** How many events the old queue holds; null when it is not where it was. */
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
    const { ready, leased, delayed, dead } = await old.queue.stats()
    return ready + leased + delayed + dead
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
