import { randomBytes } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { isFingerprint } from '../../formula/fingerprint.ts'
import { isoTime } from '../../kit/clock.ts'
import type { DeadEvent, FormulaEvent, Page, QueueStats, Received, Settled } from '../ports.ts'
import { traced } from '../traced.ts'
import { type Counters, type DeadRow, eventStatements, type LeaseRow, type ReadyRow } from './event-statements.ts'

/**
 * The event queue. An event is one row, in the table that tells its state: ready, leased, delayed, dead or held. Its
 * position is given once, so an event that comes back takes its old place, which is the front. Deaths are numbered by
 * the same counter: a number that was used twice would put new letters behind an old cursor.
 */
export function eventTables(db: DatabaseSync, maxReceives: number) {
  const sql = eventStatements(db)
  let counters = sql.loadCounters()
  let counted = false

  const count = (state: Exclude<keyof Counters, 'next_position'>, by: number): void => {
    counters[state] += by
    counted ||= by !== 0
  }

  /** Moves what is over at `now`: ended leases to the front or to the dead letters, delays to the front. */
  function moveDue(now: number): void {
    if (nextEnd(sql.nextLeaseEnd) <= now) {
      const dead = sql.buryExpired.run(counters.next_position, now, maxReceives).changes as number
      counters.next_position += dead
      const ended = sql.returnExpired.run(now, maxReceives).changes as number
      sql.removeExpired.run(now)
      count('dead', dead)
      count('ready', ended)
      count('leased', -dead - ended)
    }
    if (nextEnd(sql.nextDelayEnd) <= now) {
      const ended = sql.returnDelayed.run(now).changes as number
      sql.removeDelayed.run(now)
      count('ready', ended)
      count('delayed', -ended)
    }
  }

  function append(events: NewEvent[]): void {
    for (const { id, name, createdAt, traceparent } of events) {
      sql.addReady.run(counters.next_position++, id, name, createdAt, 0, traceparent)
    }
    count('ready', events.length)
  }

  const deadRows = (id: string): DeadRow[] => sql.deadById.all(blob(id)) as unknown as DeadRow[]

  function leaseOf(receipt: string): LeaseRow | undefined {
    const [, lease, nonce] = RECEIPT.exec(receipt) ?? []
    if (lease === undefined || nonce === undefined) return undefined
    return sql.lease.get(Number(lease), nonce) as unknown as LeaseRow | undefined
  }

  /** Hands each live lease among `receipts` to `use`, one after the other. */
  function settle(now: number, receipts: string[], use: (lease: LeaseRow) => void): Settled {
    moveDue(now)
    const stale: string[] = []
    const distinct = new Set(receipts)
    for (const receipt of distinct) {
      const row = leaseOf(receipt)
      if (row === undefined) stale.push(receipt)
      else use(row)
    }
    return { accepted: distinct.size - stale.length, stale }
  }

  function giveBack(now: number, delayMs: number, row: LeaseRow): void {
    const { position, id, name, created_at, receives, traceparent } = row
    sql.removeLease.run(row.lease)
    count('leased', -1)
    if (receives >= maxReceives) {
      sql.bury.run(counters.next_position++, id, name, created_at, receives, now, 'nacked', traceparent)
      count('dead', 1)
    } else if (delayMs > 0) {
      sql.addDelayed.run(position, now + delayMs, id, name, created_at, receives, traceparent)
      count('delayed', 1)
    } else {
      sql.addReady.run(position, id, name, created_at, receives, traceparent)
      count('ready', 1)
    }
  }

  /** Gives events back to the front as if they had not been leased. Their leases are gone already. */
  function undoLeases(rows: LeaseRow[]): void {
    for (const { position, id, name, created_at, receives, traceparent } of rows) {
      sql.addReady.run(position, id, name, created_at, receives - 1, traceparent)
    }
    count('leased', -rows.length)
    count('ready', rows.length)
  }

  return {
    /** Writes the counters into the transaction that moved them. */
    flush(): void {
      if (!counted) return
      const { next_position, ready, leased, delayed, dead } = counters
      sql.saveCounters.run(next_position, ready, leased, delayed, dead)
      counted = false
    },
    /** Forgets what a transaction counted that was rolled back. */
    reload(): void {
      counters = sql.loadCounters()
      counted = false
    },

    append(now: number, events: Pick<FormulaEvent, 'id' | 'name'>[], traceparent: string | null): void {
      append(events.map(({ id, name }) => ({ id: blob(id), name, createdAt: now, traceparent })))
    },

    hold(now: number, attempt: string, events: FormulaEvent[]): boolean {
      const mark = sql.mark.get(attempt)
      if (mark !== undefined) return mark.state !== 'removed'
      sql.setMark.run(attempt, 'held', now)
      events.map(toRow).forEach(({ id, name, createdAt, traceparent }, ordinal) => {
        sql.addHeld.run(attempt, ordinal, id, name, createdAt, traceparent)
      })
      return true
    },

    release(now: number, attempt: string, events: FormulaEvent[]): void {
      const state = sql.mark.get(attempt)?.state
      if (state === 'released' || state === 'removed') return
      if (state === undefined) append(events.map(toRow))
      else append(sql.held.all(attempt) as unknown as NewEvent[])
      sql.removeHeld.run(attempt)
      sql.setMark.run(attempt, 'released', now)
    },

    remove(now: number, attempt: string): void {
      if (sql.mark.get(attempt)?.state === 'released') return
      sql.removeHeld.run(attempt)
      sql.setMark.run(attempt, 'removed', now)
    },

    sweep: (olderThan: number, limit: number): number => Number(sql.sweepMarks.run(olderThan, limit).changes),

    receive(now: number, max: number, leaseMs: number): Received {
      moveDue(now)
      const rows = sql.front.all(max) as unknown as ReadyRow[]
      const leasedUntil = now + leaseMs
      const events = rows.map(({ position, id, name, created_at, receives, traceparent }) => {
        const nonce = randomBytes(12).toString('base64url')
        const { lastInsertRowid: lease } = sql.addLease.run(
          nonce,
          leasedUntil,
          position,
          id,
          name,
          created_at,
          receives + 1,
          traceparent,
        )
        return {
          ...toEvent({ id, name, created_at, traceparent }),
          receipt: receiptOf({ lease: Number(lease), nonce }),
          receiveCount: receives + 1,
          leasedUntil: isoTime(leasedUntil),
        }
      })
      const last = rows.at(-1)
      if (last !== undefined) sql.removeFront.run(last.position)
      count('ready', -rows.length)
      count('leased', rows.length)
      const next = Math.min(nextEnd(sql.nextLeaseEnd), nextEnd(sql.nextDelayEnd))
      return { events, nextDueAt: next === Infinity ? null : next }
    },

    ack: (now: number, receipts: string[]): Settled =>
      settle(now, receipts, ({ lease }) => {
        sql.removeLease.run(lease)
        count('leased', -1)
      }),

    nack: (now: number, receipts: string[], delayMs: number): Settled =>
      settle(now, receipts, (row) => giveBack(now, delayMs, row)),

    putBack: (now: number, receipts: string[]): Settled =>
      settle(now, receipts, (row) => {
        sql.removeLease.run(row.lease)
        undoLeases([row])
      }),

    endLeases(now: number, ids: string[]): number {
      moveDue(now)
      const ended = sql.takeLeases.all(JSON.stringify(ids.filter(isFingerprint))) as unknown as LeaseRow[]
      undoLeases(ended)
      return ended.length
    },

    extend(now: number, receipts: string[], leaseMs: number): Settled & { leasedUntil: number | null } {
      const leasedUntil = now + leaseMs
      const settled = settle(now, receipts, ({ lease }) => sql.extendLease.run(leasedUntil, lease))
      return { ...settled, leasedUntil: settled.accepted > 0 ? leasedUntil : null }
    },

    stats(now: number): QueueStats {
      moveDue(now)
      const { ready, leased, delayed, dead } = counters
      const oldest = sql.front.get(1) as ReadyRow | undefined
      const age = oldest === undefined ? null : Math.max(0, now - oldest.created_at) / 1000
      return { ready, leased, delayed, dead, oldestReadyAgeSeconds: age }
    },

    dead(now: number, limit: number, before = Number.MAX_SAFE_INTEGER): Page<DeadEvent> {
      moveDue(now)
      const rows = sql.dead.all(before, limit + 1) as unknown as DeadRow[]
      const shown = rows.slice(0, limit)
      return { items: shown.map(toDead), next: rows.length > limit ? (shown.at(-1)?.seq as number) : null }
    },

    redrive(now: number, ids?: string[]): number {
      moveDue(now)
      let moved = 0
      if (ids === undefined) {
        moved = sql.redriveAll.run(counters.next_position).changes as number
        sql.removeAllDead.run()
        counters.next_position += moved
      } else {
        const rows = [...new Set(ids)].filter(isFingerprint).flatMap(deadRows)
        rows.sort((a, b) => a.seq - b.seq)
        for (const { seq, id, name, created_at, traceparent } of rows) {
          sql.addReady.run(counters.next_position++, id, name, created_at, 0, traceparent)
          sql.removeDead.run(seq)
        }
        moved = rows.length
      }
      count('ready', moved)
      count('dead', -moved)
      return moved
    },

    removeDead(now: number, id: string): boolean {
      moveDue(now)
      if (!isFingerprint(id)) return false
      const removed = sql.removeDeadById.run(blob(id)).changes as number
      count('dead', -removed)
      return removed > 0
    },
  }
}

/** When the first of them ends, in ms since the epoch; never when there is none. */
const nextEnd = (statement: StatementSync): number => (statement.get()?.at ?? Infinity) as number

/** Of a fingerprint: what is none would be read as another one's beginning. */
const blob = (id: string): Uint8Array => Buffer.from(id, 'hex')

const RECEIPT = /^([1-9]\d{0,14})-([\w-]{16})$/

const receiptOf = ({ lease, nonce }: { lease: number; nonce: string }): string => `${lease}-${nonce}`

interface NewEvent {
  id: Uint8Array
  name: string
  createdAt: number
  traceparent: string | null
}

const toRow = ({ id, name, createdAt, traceparent }: FormulaEvent): NewEvent => ({
  id: blob(id),
  name,
  createdAt: Date.parse(createdAt),
  traceparent: traceparent ?? null,
})

type EventRow = Pick<ReadyRow, 'id' | 'name' | 'created_at' | 'traceparent'>

function toEvent({ id, name, created_at, traceparent }: EventRow): FormulaEvent {
  return { id: Buffer.from(id).toString('hex'), name, createdAt: isoTime(created_at), ...traced(traceparent) }
}

function toDead(row: DeadRow): DeadEvent {
  return {
    ...toEvent(row),
    receiveCount: row.receives,
    diedAt: isoTime(row.died_at),
    reason: row.reason as DeadEvent['reason'],
  }
}
