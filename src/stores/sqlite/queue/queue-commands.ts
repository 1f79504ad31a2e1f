import type { DatabaseSync } from 'node:sqlite'
import type { DeadEvent, LogPlace, Page, QueueStats, Received, Settled, Subscription } from '../../ports.ts'
import { DeadLetters } from './dead-letters.ts'
import type { SubscriptionRow } from './delivery-statements.ts'
import { EventLine } from './event-line.ts'
import { EventLog } from './event-log.ts'
import { heldEvents } from './held-events.ts'
import { Leases } from './leases.ts'
import { SubscriptionTable } from './subscription-table.ts'

/** The parts of the event queue in one file. */
export function eventQueue(db: DatabaseSync, maxReceives: number) {
  const log = new EventLog(db)
  const subscriptions = new SubscriptionTable(db)
  const dead = new DeadLetters(db, log, subscriptions)
  const line = new EventLine(db, { log, subscriptions, dead, maxReceives })
  const leases = new Leases(db, { line, subscriptions, dead, maxReceives })
  return { log, subscriptions, dead, line, leases }
}

export type Queue = ReturnType<typeof eventQueue>

/** What is asked of the queue, by the names of the writer's commands. */
export function queueCommands(db: DatabaseSync, queue: Queue) {
  return {
    ...heldEvents(db, queue.log),
    ...logCommands(queue),
    ...subscriptionCommands(queue),
    ...leaseCommands(queue),
    ...deadCommands(queue),
  }
}

function logCommands({ log, subscriptions, dead }: Queue) {
  return {
    trim(_now: number, olderThan: number, limit: number): number {
      return log.trim(olderThan, limit, Math.min(...subscriptions.all.map(({ position }) => position)))
    },
    eraseEvent: (_now: number, id: string, seq: number): void => dead.erase(id, seq),
  }
}

function subscriptionCommands({ log, subscriptions, line }: Queue) {
  const stats = (now: number, row: SubscriptionRow): QueueStats => {
    line.moveDue(now, row)
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
  const show = (now: number, row: SubscriptionRow): Subscription => {
    const { name, created_at: createdAt, paused } = row
    return { name, createdAt, paused: paused === 1, ...stats(now, row) }
  }
  return {
    subscribe: (now: number, name: string, from: LogPlace) =>
      subscriptions.add(now, name, () => log.positionBefore(from)),
    unsubscribe: (_now: number, name: string): boolean => subscriptions.remove(name),
    subscriptions: (now: number): Subscription[] => subscriptions.all.map((row) => show(now, row)),
    seek(now: number, name: string, to: LogPlace): void {
      const row = subscriptions.named(name)
      line.moveDue(now, row)
      subscriptions.seek(row, log.positionBefore(to))
    },
    pause: (_now: number, name: string, paused: boolean): void =>
      subscriptions.pause(subscriptions.named(name), paused),
    stats: (now: number, name: string): QueueStats => stats(now, subscriptions.named(name)),
  }
}

function leaseCommands({ subscriptions, line, leases }: Queue) {
  return {
    receive(now: number, name: string, max: number, leaseMs: number): Received {
      const subscription = subscriptions.named(name)
      if (subscription.paused === 1) return { events: [], nextDueAt: null }
      line.moveDue(now, subscription)
      const events = leases.receive(subscription, max, now + leaseMs)
      return { events, nextDueAt: line.nextDueAt(subscription) }
    },
    ack: (now: number, receipts: string[]): Settled => leases.ack(now, receipts),
    nack: (now: number, receipts: string[], delayMs: number, detail?: string): Settled =>
      leases.nack(now, receipts, delayMs, detail ?? null),
    putBack: (now: number, receipts: string[]): Settled => leases.putBack(now, receipts),
    endLeases(now: number, name: string, ids: string[]): number {
      const subscription = subscriptions.named(name)
      line.moveDue(now, subscription)
      return leases.end(subscription, ids)
    },
    extend(now: number, receipts: string[], leaseMs: number): Settled & { leasedUntil: number | null } {
      const settled = leases.extend(now, receipts, now + leaseMs)
      return { ...settled, leasedUntil: settled.accepted > 0 ? now + leaseMs : null }
    },
  }
}

function deadCommands({ subscriptions, line, dead }: Queue) {
  /** A subscription whose ended leases have been moved. */
  const moved = (now: number, name: string): SubscriptionRow => {
    const subscription = subscriptions.named(name)
    line.moveDue(now, subscription)
    return subscription
  }
  return {
    dead: (now: number, name: string, limit: number, before?: number): Page<DeadEvent> =>
      dead.page(moved(now, name), limit, before),
    redrive: (now: number, name: string, ids?: string[]): number => dead.redrive(moved(now, name), ids),
    removeDead: (now: number, name: string, id: string): boolean => dead.remove(moved(now, name), id),
  }
}
