import type { DatabaseSync } from 'node:sqlite'
import { isFingerprint } from '../../../formula/identity.ts'
import type { DeadEvent, Page } from '../../ports.ts'
import { prepare } from '../statements.ts'
import type { EventLog } from './event-log.ts'
import type { DeliveryState, SubscriptionRow, SubscriptionTable } from './subscription-table.ts'

/** Selects a delivery by its primary key. */
export const BY_DELIVERY_KEY = 'WHERE position = ? AND subscription = ?'

/** Each statement finds its rows by a key or an index. */
export const deadStatements = (db: DatabaseSync) =>
  prepare(db, {
    copyEvent: `UPDATE deliveries SET (fingerprint, formula, at, body) =
       (SELECT fingerprint, formula, at, body FROM events WHERE events.position = deliveries.position)
     ${BY_DELIVERY_KEY} AND fingerprint IS NULL`,
    bury: `UPDATE deliveries SET state = 'dead', rank = ?, died_at = ?, reason = ?, detail = ?, nonce = NULL ${BY_DELIVERY_KEY}`,
    page: `SELECT rank, lower(hex(fingerprint)) AS id, formula AS seq, at AS createdAt, body, receives AS receiveCount,
       died_at AS diedAt, reason, detail
     FROM deliveries WHERE subscription = ? AND state = 'dead' AND rank < ? ORDER BY rank DESC LIMIT ?`,
    byFingerprint: `SELECT position, rank FROM deliveries WHERE fingerprint = ? AND subscription = ? AND state = 'dead'`,
    redrive: `UPDATE deliveries SET state = 'redriven', rank = ?, receives = 0, after = ?, died_at = NULL, reason = NULL,
       detail = NULL ${BY_DELIVERY_KEY}`,
    redriveAll: `UPDATE deliveries SET state = 'redriven', rank = ? + line.number, receives = 0, after = ?, died_at = NULL,
       reason = NULL, detail = NULL
     FROM (SELECT position, row_number() OVER (ORDER BY rank) AS number FROM deliveries
       WHERE subscription = ? AND state = 'dead') AS line
     WHERE deliveries.position = line.position AND subscription = ?`,
    remove: `DELETE FROM deliveries WHERE fingerprint = ? AND subscription = ? AND state = 'dead'`,
    eraseAt: 'DELETE FROM deliveries WHERE position = ? RETURNING subscription, state',
    eraseCopies: 'DELETE FROM deliveries WHERE fingerprint = ? AND formula = ? RETURNING subscription, state',
  })

/** Events that used up their leases, in order of death. Each has a copy of its event, so the log can be trimmed. */
export class DeadLetters {
  readonly #sql: ReturnType<typeof deadStatements>
  readonly #log: EventLog
  readonly #subscriptions: SubscriptionTable

  constructor(db: DatabaseSync, log: EventLog, subscriptions: SubscriptionTable) {
    this.#sql = deadStatements(db)
    this.#log = log
    this.#subscriptions = subscriptions
  }

  bury(
    subscription: SubscriptionRow,
    position: number,
    { diedAt, reason, detail }: Pick<DeadEvent, 'diedAt' | 'reason' | 'detail'>,
  ): void {
    this.#sql.copyEvent.run(position, subscription.id)
    this.#sql.bury.run(this.#subscriptions.takeNumbers(), diedAt, reason, detail, position, subscription.id)
    this.#subscriptions.changeCount(subscription, 'dead', 1)
  }

  page(subscription: SubscriptionRow, limit: number, before = Number.MAX_SAFE_INTEGER): Page<DeadEvent> {
    const rows = this.#sql.page.all(subscription.id, before, limit + 1) as unknown as (DeadEvent & { rank: number })[]
    const shown = rows.slice(0, limit)
    const next = rows.length > limit ? (shown.at(-1)?.rank as number) : null
    return { items: shown.map(({ rank, ...event }) => event), next }
  }

  redrive(subscription: SubscriptionRow, ids?: string[]): number {
    const redriven = ids === undefined ? this.#redriveAll(subscription) : this.#redriveSome(subscription, ids)
    this.#subscriptions.move(subscription, 'dead', 'redriven', redriven)
    return redriven
  }

  #redriveAll({ id, dead }: SubscriptionRow): number {
    const first = this.#subscriptions.lastDeath
    this.#subscriptions.takeNumbers(dead)
    return Number(this.#sql.redriveAll.run(first, this.#log.head, id, id).changes)
  }

  #redriveSome({ id: subscription }: SubscriptionRow, ids: string[]): number {
    const distinct = [...new Set(ids)].filter(isFingerprint)
    const rows = distinct.flatMap((id) => this.#sql.byFingerprint.all(Buffer.from(id, 'hex'), subscription))
    rows.sort((a, b) => Number(a.rank) - Number(b.rank))
    for (const { position } of rows) {
      this.#sql.redrive.run(this.#subscriptions.takeNumbers(), this.#log.head, position as number, subscription)
    }
    return rows.length
  }

  remove(subscription: SubscriptionRow, id: string): boolean {
    if (!isFingerprint(id)) return false
    const removed = Number(this.#sql.remove.run(Buffer.from(id, 'hex'), subscription.id).changes)
    this.#subscriptions.changeCount(subscription, 'dead', -removed)
    return removed > 0
  }

  /** Blanks the event of a formula in the log and deletes its deliveries in every subscription. */
  erase(id: string, seq: number): void {
    const fingerprint = Buffer.from(id, 'hex')
    const position = this.#log.erase(fingerprint, seq)
    const rows = this.#sql.eraseCopies.all(fingerprint, seq)
    if (position !== null) rows.push(...this.#sql.eraseAt.all(position))
    for (const { subscription, state } of rows) {
      const row = this.#subscriptions.withId(subscription as number)
      if (row !== undefined) this.#subscriptions.changeCount(row, state as DeliveryState, -1)
    }
  }
}
