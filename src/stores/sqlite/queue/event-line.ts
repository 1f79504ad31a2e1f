import type { DatabaseSync } from 'node:sqlite'
import type { DeadLetters } from './dead-letters.ts'
import { type DeliveryRow, deliveryStatements, type SubscriptionRow } from './delivery-statements.ts'
import type { EventLog } from './event-log.ts'
import type { EventRow } from './event-statements.ts'
import type { SubscriptionTable } from './subscription-table.ts'

type WaitingRow = EventRow & Pick<DeliveryRow, 'state' | 'after' | 'receives'>

/** Leases an event that has been leased so often before; null when it never was out of line. */
type Lease<L> = (event: EventRow, receives: number | null) => L

interface LineParts {
  log: EventLog
  subscriptions: SubscriptionTable
  dead: DeadLetters
  maxReceives: number
}

/**
 * The line of each subscription: what was given back first, then the log from its position on, where each event that was
 * redriven takes its turn.
 */
export class EventLine {
  readonly #sql: ReturnType<typeof deliveryStatements>
  readonly #parts: LineParts

  constructor(db: DatabaseSync, parts: LineParts) {
    this.#sql = deliveryStatements(db)
    this.#parts = parts
  }

  /** Moves what is over at `now`: ended leases to the front or to the dead letters, delays to the front. */
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

  /** Takes up to `max` events from the front of the line and hands each to `lease`. */
  take<L>(subscription: SubscriptionRow, max: number, lease: Lease<L>): L[] {
    const again = (row: WaitingRow): L => {
      this.#parts.subscriptions.count(subscription, row.state, -1)
      return lease(row, row.receives)
    }
    const leased = this.#waiting(subscription, 'returned', max).map(again)
    while (leased.length < max) {
      const redriven = this.#nextRedriven(subscription)
      if (redriven !== undefined && redriven.after <= subscription.position) {
        leased.push(again(redriven))
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

  /** The event that is to be handed out next. */
  first(subscription: SubscriptionRow): { at: number } | undefined {
    const [returned] = this.#waiting(subscription, 'returned', 1)
    if (returned !== undefined) return returned
    const redriven = this.#nextRedriven(subscription)
    const logged = this.#parts.log.firstAfter(subscription.position)
    if (redriven === undefined || (logged !== undefined && logged.position <= redriven.after)) return logged
    return redriven
  }

  #firstRank(subscription: SubscriptionRow, state: 'leased' | 'delayed'): number {
    if (subscription[state] === 0) return Infinity
    return (this.#sql.firstRank.get(subscription.id, state)?.rank ?? Infinity) as number
  }

  #buryExhausted(now: number, subscription: SubscriptionRow): void {
    const rows = this.#sql.exhausted.all(subscription.id, now, this.#parts.maxReceives) as unknown as DeliveryRow[]
    for (const { position, rank, detail } of rows) {
      this.#parts.dead.bury(subscription, position, { diedAt: rank, reason: 'expired', detail })
    }
    this.#parts.subscriptions.count(subscription, 'leased', -rows.length)
  }

  #returnDue(now: number, subscription: SubscriptionRow, state: 'leased' | 'delayed'): void {
    const returned = Number(this.#sql.returnDue.run(subscription.id, state, now).changes)
    this.#parts.subscriptions.count(subscription, state, -returned)
    this.#parts.subscriptions.count(subscription, 'returned', returned)
  }

  #nextRedriven(subscription: SubscriptionRow): WaitingRow | undefined {
    return this.#waiting(subscription, 'redriven', 1)[0]
  }

  #waiting(subscription: SubscriptionRow, state: 'returned' | 'redriven', limit: number): WaitingRow[] {
    if (subscription[state] === 0) return []
    return this.#sql.waiting.all(subscription.id, state, limit) as unknown as WaitingRow[]
  }

  /** Moves a subscription on, past blank events too, and not behind `last`. */
  #read(subscription: SubscriptionRow, last: number, limit: number): EventRow[] {
    if (subscription.position >= last) return []
    const events = this.#parts.log.read(subscription.position, last, limit)
    const end = events.at(-1)
    if (end !== undefined) this.#parts.subscriptions.moveTo(subscription, end.position)
    return events
  }
}
