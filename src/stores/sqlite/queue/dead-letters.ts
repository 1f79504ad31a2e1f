import type { DatabaseSync } from 'node:sqlite'
import { isFingerprint } from '../../../formula/identity.ts'
import type { DeadEvent, Page } from '../../ports.ts'
import {
  type DeadRow,
  type DeliveryRow,
  type DeliveryState,
  deadStatements,
  type SubscriptionRow,
} from './delivery-statements.ts'
import type { EventLog } from './event-log.ts'
import type { SubscriptionTable } from './subscription-table.ts'

/** How an event died. */
type Death = Pick<DeadEvent, 'diedAt' | 'reason' | 'detail'>

/** Events that used up their leases, in the order of their deaths. Each has a copy of its event, which the log may drop. */
export class DeadLetters {
  readonly #sql: ReturnType<typeof deadStatements>
  readonly #log: EventLog
  readonly #subscriptions: SubscriptionTable

  constructor(db: DatabaseSync, log: EventLog, subscriptions: SubscriptionTable) {
    this.#sql = deadStatements(db)
    this.#log = log
    this.#subscriptions = subscriptions
  }

  bury(subscription: SubscriptionRow, position: number, { diedAt, reason, detail }: Death): void {
    this.#sql.copyEvent.run(position, subscription.id)
    this.#sql.bury.run(this.#subscriptions.number(), diedAt, reason, detail, position, subscription.id)
    this.#subscriptions.count(subscription, 'dead', 1)
  }

  page(subscription: SubscriptionRow, limit: number, before = Number.MAX_SAFE_INTEGER): Page<DeadEvent> {
    const rows = this.#sql.page.all(subscription.id, before, limit + 1) as unknown as DeadRow[]
    const shown = rows.slice(0, limit)
    return { items: shown.map(toDead), next: rows.length > limit ? (shown.at(-1)?.rank as number) : null }
  }

  redrive(subscription: SubscriptionRow, ids?: string[]): number {
    const redriven = ids === undefined ? this.#redriveAll(subscription) : this.#redriveSome(subscription, ids)
    this.#subscriptions.count(subscription, 'dead', -redriven)
    this.#subscriptions.count(subscription, 'redriven', redriven)
    return redriven
  }

  #redriveAll({ id, dead }: SubscriptionRow): number {
    const first = this.#subscriptions.lastDeath
    this.#subscriptions.number(dead)
    return Number(this.#sql.redriveAll.run(first, this.#log.head, id, id).changes)
  }

  #redriveSome(subscription: SubscriptionRow, ids: string[]): number {
    const rows = [...new Set(ids)].filter(isFingerprint).flatMap((id) => {
      return this.#sql.byFingerprint.all(Buffer.from(id, 'hex'), subscription.id) as unknown as DeliveryRow[]
    })
    rows.sort((a, b) => a.rank - b.rank)
    for (const { position } of rows) {
      this.#sql.redrive.run(this.#subscriptions.number(), this.#log.head, position, subscription.id)
    }
    return rows.length
  }

  remove(subscription: SubscriptionRow, id: string): boolean {
    if (!isFingerprint(id)) return false
    const removed = Number(this.#sql.remove.run(Buffer.from(id, 'hex'), subscription.id).changes)
    this.#subscriptions.count(subscription, 'dead', -removed)
    return removed > 0
  }

  /** Blanks the event of a formula in the log, and removes all that subscriptions have of it. */
  erase(id: string, seq: number): void {
    const fingerprint = Buffer.from(id, 'hex')
    const position = this.#log.erase(fingerprint, seq)
    const rows = this.#sql.eraseCopies.all(fingerprint, seq)
    if (position !== null) rows.push(...this.#sql.eraseAt.all(position))
    for (const { subscription, state } of rows) {
      const row = this.#subscriptions.withId(subscription as number)
      if (row !== undefined) this.#subscriptions.count(row, state as DeliveryState, -1)
    }
  }
}

const toDead = (row: DeadRow): DeadEvent => ({
  id: Buffer.from(row.fingerprint as Uint8Array).toString('hex'),
  seq: row.formula,
  createdAt: row.at,
  body: row.body as string,
  receiveCount: row.receives,
  diedAt: row.died_at,
  reason: row.reason,
  detail: row.detail,
})
