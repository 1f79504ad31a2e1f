import type { DatabaseSync } from 'node:sqlite'
import { prepare } from '../statements.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { EventLog, EventRow } from './event-log.ts'
import type { SubscriptionRow, SubscriptionTable } from './subscription-table.ts'

/** A delivery that is ready, with its event. */
interface ReadyRow extends EventRow {
  state: 'returned' | 'redriven'
  receives: number
  /** The head of the log at the redrive. */
  after: number
}

/** Leases an event. @param receives how often the delivery was leased before; null for an event new to the subscription */
type Lease<L> = (event: EventRow, receives: number | null) => L

export interface QueueParts {
  log: EventLog
  subscriptions: SubscriptionTable
  dead: DeadLetters
  maxReceives: number
}

/** Each statement finds its rows by a key or an index. */
export const lineStatements = (db: DatabaseSync) =>
  prepare(db, {
    firstRank: 'SELECT min(rank) AS rank FROM deliveries WHERE subscription = ? AND state = ?',
    exhausted: `SELECT position, rank, detail FROM deliveries WHERE subscription = ? AND state = 'leased' AND rank <= ? AND receives >= ?
     ORDER BY rank, position`,
    returnDue: `UPDATE deliveries SET state = 'returned', rank = position, nonce = NULL
     WHERE subscription = ? AND state = ? AND rank <= ?`,
    ready: `SELECT deliveries.position, state, receives, after,
       ifnull(deliveries.fingerprint, events.fingerprint) AS fingerprint,
       ifnull(deliveries.formula, events.formula) AS formula,
       ifnull(deliveries.at, events.at) AS at, ifnull(deliveries.body, events.body) AS body
     FROM deliveries LEFT JOIN events ON events.position = deliveries.position
     WHERE subscription = ? AND state = ? ORDER BY rank LIMIT ?`,
  })

/**
 * The order in which a subscription gets events: returned ones first, then the log from its position on. A redriven event
 * comes once the position has passed the head of the log at the redrive.
 */
export class EventLine {
  readonly #sql: ReturnType<typeof lineStatements>
  readonly #parts: QueueParts

  constructor(db: DatabaseSync, parts: QueueParts) {
    this.#sql = lineStatements(db)
    this.#parts = parts
  }

  /** Moves leases that ended by `now` to the front or the dead letters, and delays that ended to the front. */
  moveDue(now: number, subscription: SubscriptionRow): void {
    if (this.#firstRank(subscription, 'leased') <= now) {
      this.#buryExhausted(now, subscription)
      this.#returnDue(now, subscription, 'leased')
    }
    if (this.#firstRank(subscription, 'delayed') <= now) this.#returnDue(now, subscription, 'delayed')
  }

  /** When the next lease or delay ends, in ms since the epoch; null when there is none. */
  nextDueAt(subscription: SubscriptionRow): number | null {
    const next = Math.min(this.#firstRank(subscription, 'leased'), this.#firstRank(subscription, 'delayed'))
    return next === Infinity ? null : next
  }

  /** Takes up to `max` events from the front and calls `lease` for each. */
  take<L>(subscription: SubscriptionRow, max: number, lease: Lease<L>): L[] {
    const leaseReady = (row: ReadyRow): L => {
      this.#parts.subscriptions.changeCount(subscription, row.state, -1)
      return lease(row, row.receives)
    }
    const leased = this.#ready(subscription, 'returned', max).map(leaseReady)
    while (leased.length < max) {
      const [redriven] = this.#ready(subscription, 'redriven', 1)
      if (redriven !== undefined && redriven.after <= subscription.position) {
        leased.push(leaseReady(redriven))
        continue
      }
      const events = this.#read(subscription, redriven?.after ?? this.#parts.log.head, max - leased.length)
      if (events.length === 0) break
      for (const event of events) {
        if (event.fingerprint !== null) leased.push(lease(event, null))
      }
    }
    return leased
  }

  /** The event that `take` would lease next. */
  first(subscription: SubscriptionRow): { at: number } | undefined {
    const [returned] = this.#ready(subscription, 'returned', 1)
    if (returned !== undefined) return returned
    const [redriven] = this.#ready(subscription, 'redriven', 1)
    const logged = this.#parts.log.firstAfter(subscription.position)
    if (redriven === undefined || (logged !== undefined && logged.position <= redriven.after)) return logged
    return redriven
  }

  #firstRank(subscription: SubscriptionRow, state: 'leased' | 'delayed'): number {
    if (subscription[state] === 0) return Infinity
    return (this.#sql.firstRank.get(subscription.id, state)?.rank ?? Infinity) as number
  }

  #buryExhausted(now: number, subscription: SubscriptionRow): void {
    const rows = this.#sql.exhausted.all(subscription.id, now, this.#parts.maxReceives)
    for (const { position, rank, detail } of rows as { position: number; rank: number; detail: string | null }[]) {
      this.#parts.dead.bury(subscription, position, { diedAt: rank, reason: 'expired', detail })
    }
    this.#parts.subscriptions.changeCount(subscription, 'leased', -rows.length)
  }

  #returnDue(now: number, subscription: SubscriptionRow, state: 'leased' | 'delayed'): void {
    const returned = Number(this.#sql.returnDue.run(subscription.id, state, now).changes)
    this.#parts.subscriptions.move(subscription, state, 'returned', returned)
  }

  #ready(subscription: SubscriptionRow, state: 'returned' | 'redriven', limit: number): ReadyRow[] {
    if (subscription[state] === 0) return []
    return this.#sql.ready.all(subscription.id, state, limit) as unknown as ReadyRow[]
  }

  /** Reads events up to position `last` and moves the subscription past them, blank ones included. */
  #read(subscription: SubscriptionRow, last: number, limit: number): EventRow[] {
    if (subscription.position >= last) return []
    const events = this.#parts.log.read(subscription.position, last, limit)
    const end = events.at(-1)
    if (end !== undefined) this.#parts.subscriptions.moveTo(subscription, end.position)
    return events
  }
}
