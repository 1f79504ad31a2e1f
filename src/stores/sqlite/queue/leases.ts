import { randomFillSync } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { isFingerprint } from '../../../formula/identity.ts'
import type { FormulaEvent, LeasedEvent, Settled } from '../../ports.ts'
import { prepare } from '../statements.ts'
import { BY_DELIVERY_KEY } from './dead-letters.ts'
import type { EventLine, QueueParts } from './event-line.ts'
import type { EventRow } from './event-log.ts'
import type { SubscriptionRow } from './subscription-table.ts'

interface Lease {
  subscription: SubscriptionRow
  position: number
  receives: number
}

/** A receipt: the id of the subscription, the position, and a random nonce of 96 bits. */
const RECEIPT = /^([1-9]\d{0,8})-([1-9]\d{0,14})-([\w-]{16})$/

/** Each statement finds its rows by a key or an index, except `leasesOf`. */
export const leaseStatements = (db: DatabaseSync) =>
  prepare(db, {
    lease: `INSERT INTO deliveries (position, subscription, state, rank, receives, nonce) VALUES (?, ?, 'leased', ?, 1, ?)`,
    leaseAgain: `UPDATE deliveries SET state = 'leased', rank = ?, receives = receives + 1, nonce = ?, after = NULL ${BY_DELIVERY_KEY}`,
    leased: `SELECT receives FROM deliveries ${BY_DELIVERY_KEY} AND state = 'leased' AND nonce = ?`,
    extend: `UPDATE deliveries SET rank = ? ${BY_DELIVERY_KEY}`,
    remove: `DELETE FROM deliveries ${BY_DELIVERY_KEY}`,
    giveBack: `UPDATE deliveries SET state = 'returned', rank = position, nonce = NULL, detail = ? ${BY_DELIVERY_KEY}`,
    delay: `UPDATE deliveries SET state = 'delayed', rank = ?, nonce = NULL, detail = ? ${BY_DELIVERY_KEY}`,
    putBack: `UPDATE deliveries SET state = 'returned', rank = position, nonce = NULL, receives = receives - 1 ${BY_DELIVERY_KEY}`,
    // Scans the leases of a subscription. An index would slow down every lease to speed up an operator's rare call.
    leasesOf: `SELECT deliveries.position FROM deliveries LEFT JOIN events ON events.position = deliveries.position
     WHERE subscription = ? AND state = 'leased'
       AND ifnull(deliveries.fingerprint, events.fingerprint) IN (SELECT unhex(value) FROM json_each(?))`,
  })

/** Leases events and settles leases by their receipts. */
export class Leases {
  readonly #sql: ReturnType<typeof leaseStatements>
  readonly #line: EventLine
  readonly #parts: QueueParts

  constructor(db: DatabaseSync, line: EventLine, parts: QueueParts) {
    this.#sql = leaseStatements(db)
    this.#line = line
    this.#parts = parts
  }

  receive(subscription: SubscriptionRow, max: number, leasedUntil: number): LeasedEvent[] {
    const events = this.#line.take(subscription, max, (event, receives) => {
      const { position } = event
      const nonce = nextNonce()
      if (receives === null) this.#sql.lease.run(position, subscription.id, leasedUntil, nonce)
      else this.#sql.leaseAgain.run(leasedUntil, nonce, position, subscription.id)
      const receipt = `${subscription.id}-${position}-${nonce}`
      return { ...toEvent(event), receipt, receiveCount: (receives ?? 0) + 1, leasedUntil }
    })
    this.#parts.subscriptions.changeCount(subscription, 'leased', events.length)
    return events
  }

  ack(now: number, receipts: string[], only?: readonly string[]): Settled {
    const remove = ({ subscription, position }: Lease): void => {
      this.#sql.remove.run(position, subscription.id)
      this.#parts.subscriptions.changeCount(subscription, 'leased', -1)
    }
    return this.#settle(now, receipts, remove, only)
  }

  nack(now: number, receipts: string[], delayMs: number, detail: string | null, only?: readonly string[]): Settled {
    return this.#settle(now, receipts, (lease) => this.#giveBack(now, delayMs, detail, lease), only)
  }

  putBack(now: number, receipts: string[]): Settled {
    return this.#settle(now, receipts, ({ subscription, position }) => this.#undo(subscription, position))
  }

  /** Puts events back without a receipt. @returns how many were leased */
  end(subscription: SubscriptionRow, ids: string[]): number {
    const rows = this.#sql.leasesOf.all(subscription.id, JSON.stringify(ids.filter(isFingerprint)))
    for (const { position } of rows) this.#undo(subscription, position as number)
    return rows.length
  }

  extend(now: number, receipts: string[], leasedUntil: number, only?: readonly string[]): Settled {
    const extend = ({ subscription, position }: Lease): void => {
      this.#sql.extend.run(leasedUntil, position, subscription.id)
    }
    return this.#settle(now, receipts, extend, only)
  }

  #giveBack(now: number, delayMs: number, detail: string | null, { subscription, position, receives }: Lease): void {
    const { dead, subscriptions, maxReceives } = this.#parts
    if (receives >= maxReceives) {
      subscriptions.changeCount(subscription, 'leased', -1)
      dead.bury(subscription, position, { diedAt: now, reason: 'nacked', detail })
    } else if (delayMs > 0) {
      this.#sql.delay.run(now + delayMs, detail, position, subscription.id)
      subscriptions.move(subscription, 'leased', 'delayed', 1)
    } else {
      this.#sql.giveBack.run(detail, position, subscription.id)
      subscriptions.move(subscription, 'leased', 'returned', 1)
    }
  }

  /** Returns an event to the front as if it had not been leased. */
  #undo(subscription: SubscriptionRow, position: number): void {
    this.#sql.putBack.run(position, subscription.id)
    this.#parts.subscriptions.move(subscription, 'leased', 'returned', 1)
  }

  /** Calls `use` for each valid lease among `receipts`. @param only the subscriptions that count; all when absent */
  #settle(now: number, receipts: string[], use: (lease: Lease) => void, only?: readonly string[]): Settled {
    const moved = new Set<SubscriptionRow>()
    const stale: string[] = []
    const distinct = new Set(receipts)
    for (const receipt of distinct) {
      const lease = this.#find(now, receipt, moved)
      if (lease === undefined || only?.includes(lease.subscription.name) === false) stale.push(receipt)
      else use(lease)
    }
    return { accepted: distinct.size - stale.length, stale }
  }

  /** @param moved the subscriptions whose ended leases this call has already moved */
  #find(now: number, receipt: string, moved: Set<SubscriptionRow>): Lease | undefined {
    const [, id, position, nonce] = RECEIPT.exec(receipt) ?? []
    const subscription = this.#parts.subscriptions.withId(Number(id))
    if (subscription === undefined) return undefined
    if (!moved.has(subscription)) this.#line.moveDue(now, subscription)
    moved.add(subscription)
    const row = this.#sql.leased.get(Number(position), subscription.id, nonce as string)
    return row && { subscription, position: Number(position), receives: row.receives as number }
  }
}

const toEvent = ({ fingerprint, formula, at, body }: EventRow): FormulaEvent => ({
  id: Buffer.from(fingerprint as Uint8Array).toString('hex'),
  seq: formula,
  createdAt: at,
  body: body as string,
})

const NONCE_BYTES = 12
/** Random bytes for many nonces: one call for each would take longer than the rest of a lease. */
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
