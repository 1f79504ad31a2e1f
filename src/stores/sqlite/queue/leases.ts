import { randomFillSync } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { isFingerprint } from '../../../formula/identity.ts'
import type { FormulaEvent, LeasedEvent, Settled } from '../../ports.ts'
import type { DeadLetters } from './dead-letters.ts'
import { deliveryStatements, type SubscriptionRow } from './delivery-statements.ts'
import type { EventLine } from './event-line.ts'
import type { EventRow } from './event-statements.ts'
import type { SubscriptionTable } from './subscription-table.ts'

interface LeaseParts {
  line: EventLine
  subscriptions: SubscriptionTable
  dead: DeadLetters
  maxReceives: number
}

interface Lease {
  subscription: SubscriptionRow
  position: number
  receives: number
}

/** A receipt names the subscription and the position, and holds a nonce of 96 bits that nobody can guess. */
const RECEIPT = /^([1-9]\d{0,8})-([1-9]\d{0,14})-([\w-]{16})$/

/** The leases of events, and what those who hold them do with them. */
export class Leases {
  readonly #sql: ReturnType<typeof deliveryStatements>
  readonly #parts: LeaseParts

  constructor(db: DatabaseSync, parts: LeaseParts) {
    this.#sql = deliveryStatements(db)
    this.#parts = parts
  }

  /** Leases what is first in line. */
  receive(subscription: SubscriptionRow, max: number, leasedUntil: number): LeasedEvent[] {
    const events = this.#parts.line.take(subscription, max, (event, receives) => {
      const { position } = event
      const nonce = nextNonce()
      if (receives === null) this.#sql.lease.run(position, subscription.id, leasedUntil, nonce)
      else this.#sql.leaseAgain.run(leasedUntil, nonce, position, subscription.id)
      const receipt = `${subscription.id}-${position}-${nonce}`
      return { ...toEvent(event), receipt, receiveCount: (receives ?? 0) + 1, leasedUntil }
    })
    this.#parts.subscriptions.count(subscription, 'leased', events.length)
    return events
  }

  ack(now: number, receipts: string[]): Settled {
    return this.#settle(now, receipts, ({ subscription, position }) => {
      this.#sql.remove.run(position, subscription.id)
      this.#parts.subscriptions.count(subscription, 'leased', -1)
    })
  }

  nack(now: number, receipts: string[], delayMs: number, detail: string | null): Settled {
    return this.#settle(now, receipts, (lease) => this.#giveBack(now, delayMs, detail, lease))
  }

  putBack(now: number, receipts: string[]): Settled {
    return this.#settle(now, receipts, ({ subscription, position }) => this.#undo(subscription, position))
  }

  /** Puts events back whoever holds their leases. @returns how many */
  end(subscription: SubscriptionRow, ids: string[]): number {
    const rows = this.#sql.leasesOf.all(subscription.id, JSON.stringify(ids.filter(isFingerprint)))
    for (const { position } of rows) this.#undo(subscription, position as number)
    return rows.length
  }

  extend(now: number, receipts: string[], leasedUntil: number): Settled {
    return this.#settle(now, receipts, ({ subscription, position }) => {
      this.#sql.extend.run(leasedUntil, position, subscription.id)
    })
  }

  #giveBack(now: number, delayMs: number, detail: string | null, { subscription, position, receives }: Lease): void {
    const { dead, subscriptions, maxReceives } = this.#parts
    subscriptions.count(subscription, 'leased', -1)
    if (receives >= maxReceives) {
      dead.bury(subscription, position, { diedAt: now, reason: 'nacked', detail })
    } else if (delayMs > 0) {
      this.#sql.delay.run(now + delayMs, detail, position, subscription.id)
      subscriptions.count(subscription, 'delayed', 1)
    } else {
      this.#sql.giveBack.run(detail, position, subscription.id)
      subscriptions.count(subscription, 'returned', 1)
    }
  }

  /** Gives an event back to the front as if it had not been leased. */
  #undo(subscription: SubscriptionRow, position: number): void {
    this.#sql.putBack.run(position, subscription.id)
    this.#parts.subscriptions.count(subscription, 'leased', -1)
    this.#parts.subscriptions.count(subscription, 'returned', 1)
  }

  /** Hands each live lease among `receipts` to `use`, one after the other. */
  #settle(now: number, receipts: string[], use: (lease: Lease) => void): Settled {
    const moved = new Set<SubscriptionRow>()
    const stale: string[] = []
    const distinct = new Set(receipts)
    for (const receipt of distinct) {
      const lease = this.#find(now, receipt, moved)
      if (lease === undefined) stale.push(receipt)
      else use(lease)
    }
    return { accepted: distinct.size - stale.length, stale }
  }

  /** @param moved the subscriptions whose ended leases have been moved at `now` */
  #find(now: number, receipt: string, moved: Set<SubscriptionRow>): Lease | undefined {
    const [, id, position, nonce] = RECEIPT.exec(receipt) ?? []
    const subscription = this.#parts.subscriptions.withId(Number(id))
    if (subscription === undefined) return undefined
    if (!moved.has(subscription)) this.#parts.line.moveDue(now, subscription)
    moved.add(subscription)
    const row = this.#sql.leased.get(Number(position), subscription.id, nonce as string)
    return row && { subscription, position: Number(position), receives: row.receives as number }
  }
}

/** An event of the log as others know it. */
const toEvent = ({ fingerprint, formula, at, body }: EventRow): FormulaEvent => ({
  id: Buffer.from(fingerprint as Uint8Array).toString('hex'),
  seq: formula,
  createdAt: at,
  body: body as string,
})

const NONCE_BYTES = 12
/** Random bytes for many nonces: to ask for them one by one takes longer than all else of a lease. */
const pool = Buffer.alloc(NONCE_BYTES * 256)
let used = pool.length

function nextNonce(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += NONCE_BYTES
  return pool.toString('base64url', used - NONCE_BYTES, used)
}
