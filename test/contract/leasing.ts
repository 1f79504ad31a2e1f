import { DEFAULT_SUBSCRIPTION, type EventQueue, type LeasedEvent } from '../../src/stores/ports.ts'
import { events, namesIn } from './submissions.ts'

/** The subscription that most tests use. */
export const DEFAULT = DEFAULT_SUBSCRIPTION

/** The default duration of leases. */
export const LEASE_MS = 30_000

/** Appends events to the log, one for each character of `names`. */
export const show = (queue: EventQueue, names: string): Promise<void> => queue.release(`of-${names}`, events(names))

/** Leases up to `max` events in a subscription. */
export async function leaseIn(
  queue: EventQueue,
  subscription: string,
  max = 100,
  leaseMs = LEASE_MS,
): Promise<LeasedEvent[]> {
  return (await queue.receive(subscription, max, leaseMs)).events
}

/** Leases up to `max` events in the default subscription. */
export const lease = (queue: EventQueue, max = 100, leaseMs = LEASE_MS): Promise<LeasedEvent[]> =>
  leaseIn(queue, DEFAULT, max, leaseMs)

/** Reads the subscription to its end, and acks every event. @returns the events */
export async function drainIn(queue: EventQueue, subscription: string): Promise<LeasedEvent[]> {
  const all: LeasedEvent[] = []
  for (let batch = await leaseIn(queue, subscription); batch.length > 0; batch = await leaseIn(queue, subscription)) {
    all.push(...batch)
    await queue.ack(receiptsOf(batch))
  }
  return all
}

/** Like `drainIn`. @returns the names of the events in one string */
export const readIn = async (queue: EventQueue, subscription: string): Promise<string> =>
  namesOf(await drainIn(queue, subscription))

/** The names of events in one string. */
export const namesOf = (list: { body: string }[]): string => namesIn(list).join('')

export const receiptsOf = (list: LeasedEvent[]): string[] => list.map(({ receipt }) => receipt)
