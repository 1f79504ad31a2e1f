import type { DatabaseSync } from 'node:sqlite'
import { UnknownSubscription } from '../../../errors/store-errors.ts'
import { DEFAULT_SUBSCRIPTION, MAX_SUBSCRIPTIONS } from '../../ports.ts'
import { prepare } from '../statements.ts'

export type DeliveryState = 'leased' | 'delayed' | 'returned' | 'redriven' | 'dead'

/** A row of `subscriptions`, with the number of its deliveries in each state. */
export interface SubscriptionRow extends Record<DeliveryState, number> {
  readonly id: number
  readonly name: string
  readonly created_at: number
  paused: number
  /** The last position handed out. */
  position: number
}

export const subscriptionStatements = (db: DatabaseSync) =>
  prepare(db, {
    all: 'SELECT * FROM subscriptions ORDER BY name',
    add: 'INSERT INTO subscriptions (name, created_at, position) VALUES (?, ?, ?)',
    save: `UPDATE subscriptions SET paused = ?, position = ?, leased = ?, delayed = ?, returned = ?, redriven = ?, dead = ?
     WHERE id = ?`,
    remove: 'DELETE FROM subscriptions WHERE id = ?',
    removeDeliveries: 'DELETE FROM deliveries WHERE subscription = ?',
    removeAllButDead: `DELETE FROM deliveries WHERE subscription = ? AND state <> 'dead'`,
    removeDeadAfter: `DELETE FROM deliveries WHERE subscription = ? AND state = 'dead' AND position > ?`,
    lastDeath: 'SELECT death FROM numbers',
    keepDeath: 'UPDATE numbers SET death = ?',
  })

/**
 * Keeps the few subscriptions in memory, and writes changed ones once per transaction. One counter numbers deaths and
 * redrives. Numbers are never reused: a client that pages through dead letters would miss a new one with an old number.
 */
export class SubscriptionTable {
  readonly #sql: ReturnType<typeof subscriptionStatements>
  #rows: SubscriptionRow[] = []
  readonly #changed = new Set<SubscriptionRow>()
  #lastDeath = 0
  #savedDeath = 0

  constructor(db: DatabaseSync) {
    this.#sql = subscriptionStatements(db)
    this.reload()
  }

  get all(): readonly SubscriptionRow[] {
    return this.#rows
  }

  /** The last number given to a death or a redrive. */
  get lastDeath(): number {
    return this.#lastDeath
  }

  /** Takes numbers for deaths or redrives. @returns the last one taken */
  takeNumbers(howMany = 1): number {
    this.#lastDeath += howMany
    return this.#lastDeath
  }

  /** Drops cached state after a rollback. */
  reload(): void {
    this.#rows = this.#sql.all.all().map((row) => ({ ...row }) as unknown as SubscriptionRow)
    this.#changed.clear()
    this.#lastDeath = this.#sql.lastDeath.get()?.death as number
    this.#savedDeath = this.#lastDeath
  }

  /** Writes changed rows. Call it before the commit. */
  flush(): void {
    for (const { id, paused, position, leased, delayed, returned, redriven, dead } of this.#changed) {
      this.#sql.save.run(paused, position, leased, delayed, returned, redriven, dead, id)
    }
    this.#changed.clear()
    if (this.#lastDeath === this.#savedDeath) return
    this.#sql.keepDeath.run(this.#lastDeath)
    this.#savedDeath = this.#lastDeath
  }

  /** @throws {UnknownSubscription} */
  named(name: string): SubscriptionRow {
    const row = this.#rows.find((row) => row.name === name)
    if (row === undefined) throw new UnknownSubscription(name)
    return row
  }

  withId(id: number): SubscriptionRow | undefined {
    return this.#rows.find((row) => row.id === id)
  }

  changeCount(row: SubscriptionRow, state: DeliveryState, by: number): void {
    if (by === 0) return
    row[state] += by
    this.#changed.add(row)
  }

  /** Counts deliveries that change from one state to another. */
  move(row: SubscriptionRow, from: DeliveryState, to: DeliveryState, by: number): void {
    this.changeCount(row, from, -by)
    this.changeCount(row, to, by)
  }

  moveTo(row: SubscriptionRow, position: number): void {
    row.position = position
    this.#changed.add(row)
  }

  pause(row: SubscriptionRow, paused: boolean): void {
    row.paused = paused ? 1 : 0
    this.#changed.add(row)
  }

  add(now: number, name: string, position: () => number): 'made' | 'there' | 'full' {
    if (this.#rows.some((row) => row.name === name)) return 'there'
    if (this.#rows.length >= MAX_SUBSCRIPTIONS) return 'full'
    this.flush()
    this.#sql.add.run(name, now, position())
    this.reload()
    return 'made'
  }

  remove(name: string): boolean {
    const row = this.#rows.find((row) => row.name === name)
    if (row === undefined || name === DEFAULT_SUBSCRIPTION) return false
    this.flush()
    this.#sql.removeDeliveries.run(row.id)
    this.#sql.remove.run(row.id)
    this.reload()
    return true
  }

  /** Moves a subscription and deletes its deliveries, except dead letters up to the new position. */
  seek(row: SubscriptionRow, position: number): void {
    this.#sql.removeAllButDead.run(row.id)
    row.dead -= Number(this.#sql.removeDeadAfter.run(row.id, position).changes)
    row.leased = row.delayed = row.returned = row.redriven = 0
    this.moveTo(row, position)
  }
}
