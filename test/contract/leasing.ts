import type { EventQueue, LeasedEvent } from '../../src/stores/ports.ts'
import { events } from './submissions.ts'

/** How long leases last unless a test says otherwise. */
export const LEASE_MS = 30_000

/** Shows events to consumers at once, one for each character of `names`. */
export const show = (queue: EventQueue, names: string): Promise<void> => queue.release(`of-${names}`, events(names))

/** Leases up to `max` events. */
export async function lease(queue: EventQueue, max = 100, leaseMs = LEASE_MS): Promise<LeasedEvent[]> {
  return (await queue.receive(max, leaseMs)).events
}

/** The names of events in one string. */
export const namesOf = (list: { name: string }[]): string => list.map(({ name }) => name).join('')

export const receiptsOf = (list: LeasedEvent[]): string[] => list.map(({ receipt }) => receipt)
