import type { DatabaseSync } from 'node:sqlite'
import type { FormulaEvent, LogPlace } from '../../ports.ts'
import { prepare } from '../statements.ts'

/** A row of `events`. In a blank event, the one of an erased formula, all fields but `position` and `at` are null. */
export interface EventRow {
  position: number
  fingerprint: Uint8Array | null
  formula: number | null
  at: number
  body: string | null
}

/**
 * Selects the event of a formula: ?1 its sequence number, ?2 its fingerprint. Each half of the OR uses an index: the
 * primary key where position and formula are equal, events_formula otherwise.
 */
export const OF_FORMULA =
  '(formula = ?1 AND position = ?1 OR formula = ?1 AND formula <> position) AND fingerprint = ?2'

/** Each statement finds its rows by a key or an index, except `firstAt`, which runs only for a seek to a time. */
export const eventStatements = (db: DatabaseSync) =>
  prepare(db, {
    head: 'SELECT max((SELECT ifnull(max(position), 0) FROM events), position) AS position FROM numbers',
    keepHead: 'UPDATE numbers SET position = ?',
    add: 'INSERT INTO events VALUES (?, ?, ?, ?, ?)',
    after: 'SELECT * FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?',
    firstAfter: 'SELECT * FROM events WHERE position > ? AND fingerprint IS NOT NULL ORDER BY position LIMIT 1',
    blanksAfter: 'SELECT count(*) AS n FROM events WHERE fingerprint IS NULL AND position > ?',
    first: 'SELECT min(position) AS position FROM events',
    firstAt: 'SELECT position FROM events WHERE at >= ? ORDER BY position LIMIT 1',
    erase: `UPDATE events SET fingerprint = NULL, formula = NULL, body = NULL WHERE ${OF_FORMULA} RETURNING position`,
    front: `SELECT position, at, EXISTS (SELECT 1 FROM deliveries
       WHERE deliveries.position = events.position AND deliveries.fingerprint IS NULL) AS wanted
     FROM events WHERE position <= ? ORDER BY position LIMIT ?`,
    removeFront: 'DELETE FROM events WHERE position <= ?',
  })

/** The events in commit order. Positions start at 1 and have no gaps. */
export class EventLog {
  readonly #sql: ReturnType<typeof eventStatements>
  #head: number | null = null

  constructor(db: DatabaseSync) {
    this.#sql = eventStatements(db)
  }

  /** The position of the newest event ever appended; 0 when there was none. */
  get head(): number {
    this.#head ??= this.#sql.head.get()?.position as number
    return this.#head
  }

  /** Drops cached state after a rollback. */
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

  /** Up to `limit` events after `position` and not after `last`, blank ones included. */
  read(position: number, last: number, limit: number): EventRow[] {
    return this.#sql.after.all(position, last, limit) as unknown as EventRow[]
  }

  /** The first event after `position`, without blank ones (those of erased formulas). */
  firstAfter(position: number): EventRow | undefined {
    return position < this.head ? (this.#sql.firstAfter.get(position) as unknown as EventRow | undefined) : undefined
  }

  /** The number of events after `position`, without blank ones. */
  countAfter(position: number): number {
    if (position >= this.head) return 0
    return this.head - position - (this.#sql.blanksAfter.get(position)?.n as number)
  }

  /** The position of a subscription whose next event is the first one at `place`. */
  positionBefore(place: LogPlace): number {
    if (place === 'end') return this.head
    const row = place === 'start' ? this.#sql.first.get() : this.#sql.firstAt.get(place)
    return ((row?.position ?? this.head + 1) as number) - 1
  }

  /** Blanks the event of a formula. @returns its position; null when there is no such event */
  erase(fingerprint: Uint8Array, seq: number): number | null {
    return (this.#sql.erase.get(seq, fingerprint)?.position ?? null) as number | null
  }

  /**
   * Deletes up to `limit` events from the front of the log. Stops after `last`, at the first event not older than
   * `olderThan` (ms since the epoch), and at the first that a delivery without a copy refers to.
   * @returns how many it deleted
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

export const heldStatements = (db: DatabaseSync) =>
  prepare(db, {
    add: 'INSERT INTO held VALUES (?, ?, ?, ?, ?)',
    remove: 'DELETE FROM held WHERE attempt = ?',
    mark: 'SELECT state FROM marks WHERE attempt = ?',
    setMark: 'INSERT OR REPLACE INTO marks VALUES (?, ?, ?)',
    sweepMarks: `DELETE FROM marks WHERE attempt IN
     (SELECT attempt FROM marks WHERE state <> 'held' AND at < ? ORDER BY at LIMIT ?)`,
  })

/** The queue's side of a saga: held events, which no subscription sees, and a mark with the state of each attempt. */
export function heldEvents(db: DatabaseSync, log: EventLog) {
  const sql = heldStatements(db)
  const end = (now: number, attempt: string, state: 'released' | 'removed'): void => {
    sql.remove.run(attempt)
    sql.setMark.run(attempt, state, now)
  }
  return {
    publish(now: number, attempt: string, events: FormulaEvent[]): boolean {
      const mark = sql.mark.get(attempt)
      if (mark !== undefined) return mark.state !== 'removed'
      sql.setMark.run(attempt, 'held', now)
      events.forEach(({ id, createdAt, body }, ordinal) => {
        sql.add.run(attempt, ordinal, Buffer.from(id, 'hex'), createdAt, body)
      })
      return true
    },
    /** @returns whether this call appended events to the log */
    release(now: number, attempt: string, events: FormulaEvent[]): boolean {
      const state = sql.mark.get(attempt)?.state
      if (state === 'released' || state === 'removed') return false
      log.append(events)
      end(now, attempt, 'released')
      return events.length > 0
    },
    removeEvents(now: number, attempt: string): void {
      if (sql.mark.get(attempt)?.state !== 'released') end(now, attempt, 'removed')
    },
    sweepMarks: (_now: number, olderThan: number, limit: number): number =>
      Number(sql.sweepMarks.run(olderThan, limit).changes),
  }
}
