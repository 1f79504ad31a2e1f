import type { DatabaseSync } from 'node:sqlite'
import type { FormulaEvent, LogPlace } from '../../ports.ts'
import { type EventRow, eventStatements } from './event-statements.ts'

/** The events in the order of commits. Positions are given without gaps, from 1. */
export class EventLog {
  readonly #sql: ReturnType<typeof eventStatements>
  #head: number | null = null

  constructor(db: DatabaseSync) {
    this.#sql = eventStatements(db)
  }

  /** The last position given. */
  get head(): number {
    this.#head ??= this.#sql.head.get()?.position as number
    return this.#head
  }

  /** Forgets what a transaction has appended that was rolled back. */
  reload(): void {
    this.#head = null
  }

  append(events: FormulaEvent[]): void {
    let position = this.head
    for (const { id, seq, createdAt, body } of events) {
      this.#sql.add.run(++position, Buffer.from(id, 'hex'), seq, createdAt, body)
    }
    this.#head = position
  }

  /** Up to `limit` events behind a position, blank ones among them, and none behind `last`. */
  read(position: number, last: number, limit: number): EventRow[] {
    return this.#sql.after.all(position, last, limit) as unknown as EventRow[]
  }

  /** The first event behind a position that is not blank. */
  firstAfter(position: number): EventRow | undefined {
    return position < this.head ? (this.#sql.firstAfter.get(position) as unknown as EventRow | undefined) : undefined
  }

  /** How many events that are not blank stand behind a position. */
  countAfter(position: number): number {
    if (position >= this.head) return 0
    return this.head - position - (this.#sql.blanksAfter.get(position)?.n as number)
  }

  /** The position before a place. */
  positionBefore(place: LogPlace): number {
    if (place === 'end') return this.head
    const row = place === 'start' ? this.#sql.first.get() : this.#sql.firstAt.get(place)
    return ((row?.position ?? this.head + 1) as number) - 1
  }

  /** Blanks the event of a formula. @returns its position; null when it is not there */
  erase(fingerprint: Uint8Array, seq: number): number | null {
    return (this.#sql.erase.get(seq, fingerprint)?.position ?? null) as number | null
  }

  /**
   * Removes up to `limit` events from the front that are older than `olderThan`, up to the position `last`, and up to the
   * first that a delivery has no copy of.
   */
  trim(olderThan: number, limit: number, last: number): number {
    let end: number | null = null
    for (const { position, at, wanted } of this.#sql.front.iterate(last, limit)) {
      if ((at as number) >= olderThan || wanted === 1) break
      end = position as number
    }
    if (end === null) return 0
    this.#sql.keepHead.run(this.head)
    return Number(this.#sql.removeFront.run(end).changes)
  }
}
