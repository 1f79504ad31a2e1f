import type { DatabaseSync } from 'node:sqlite'
import type { DeadEvent, LogPlace, Page, QueueStats, Received, Settled, Subscription } from '../../ports.ts'
import { DeadLetters } from './dead-letters.ts'
import { EventLine } from './event-line.ts'
import { EventLog, heldEvents } from './event-log.ts'
import { stateCommands } from './event-states.ts'
import { Leases } from './leases.ts'
import { type SubscriptionRow, SubscriptionTable } from './subscription-table.ts'

/** The parts of the event queue in one database. */
export function eventQueue(db: DatabaseSync, maxReceives: number) {
  const [log, subscriptions] = [new EventLog(db), new SubscriptionTable(db)]
  const parts = { log, subscriptions, dead: new DeadLetters(db, log, subscriptions), maxReceives }
  const line = new EventLine(db, parts)
  const leases = new Leases(db, line, parts)
  /** A subscription whose ended leases and delays have been moved. @throws {UnknownSubscription} */
  const upToDate = (now: number, name: string): SubscriptionRow => {
    const subscription = subscriptions.named(name)
    line.moveDue(now, subscription)
    return subscription
  }
  return { ...parts, line, leases, upToDate }
}

export type Queue = ReturnType<typeof eventQueue>

/** The writer's commands on the queue. */
export function queueCommands(db: DatabaseSync, queue: Queue) {
  const { log, subscriptions, dead, upToDate } = queue
  return {
    ...heldEvents(db, log),
    ...subscriptionCommands(queue),
    ...leaseCommands(queue),
    ...stateCommands(db, queue),
    trim(_now: number, olderThan: number, limit: number): number {
      return log.trim(olderThan, limit, Math.min(...subscriptions.all.map(({ position }) => position)))
    },
    dead: (now: number, name: string, limit: number, before?: number): Page<DeadEvent> =>
      dead.page(upToDate(now, name), limit, before),
    redrive: (now: number, name: string, ids?: string[]): number => dead.redrive(upToDate(now, name), ids),
    removeDead: (now: number, name: string, id: string): boolean => dead.remove(upToDate(now, name), id),
  }
}

function subscriptionCommands({ log, subscriptions, line, upToDate }: Queue) {
  const stats = (now: number, name: string): QueueStats => {
    const row = upToDate(now, name)
    const { leased, delayed, dead } = row
    const first = line.first(row)
    return {
      ready: row.returned + row.redriven + log.countAfter(row.position),
      leased,
      delayed,
      dead,
      oldestReadyAgeSeconds: first === undefined ? null : Math.max(0, now - first.at) / 1000,
    }
  }
  return {
    stats,
    subscribe: (now: number, name: string, from: LogPlace) =>
      subscriptions.add(now, name, () => log.positionBefore(from)),
    unsubscribe: (_now: number, name: string): boolean => subscriptions.remove(name),
    subscriptions: (now: number): Subscription[] =>
      subscriptions.all.map(({ name, created_at: createdAt, paused }) => {
        return { name, createdAt, paused: paused === 1, ...stats(now, name) }
      }),
    seek: (now: number, name: string, to: LogPlace): void =>
      subscriptions.seek(upToDate(now, name), log.positionBefore(to)),
    pause: (_now: number, name: string, paused: boolean): void =>
      subscriptions.pause(subscriptions.named(name), paused),
  }
}

function leaseCommands({ subscriptions, line, leases, upToDate }: Queue) {
  return {
    receive(now: number, name: string, max: number, leaseMs: number): Received {
      const subscription = subscriptions.named(name)
      if (subscription.paused === 1) return { events: [], nextDueAt: null }
      line.moveDue(now, subscription)
      const events = leases.receive(subscription, max, now + leaseMs)
      return { events, nextDueAt: line.nextDueAt(subscription) }
    },
    ack: (now: number, receipts: string[], only?: readonly string[]): Settled => leases.ack(now, receipts, only),
    nack: (
      now: number,
      receipts: string[],
      delayMs: number,
      detail: string | null = null,
      only?: readonly string[],
    ): Settled => leases.nack(now, receipts, delayMs, detail, only),
    putBack: (now: number, receipts: string[]): Settled => leases.putBack(now, receipts),
    endLeases: (now: number, name: string, ids: string[]): number => leases.end(upToDate(now, name), ids),
    extend(
      now: number,
      receipts: string[],
      leaseMs: number,
      only?: readonly string[],
    ): Settled & { leasedUntil: number | null } {
      const settled = leases.extend(now, receipts, now + leaseMs, only)
      return { ...settled, leasedUntil: settled.accepted > 0 ? now + leaseMs : null }
    },
  }
}
