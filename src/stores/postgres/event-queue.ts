import { isFingerprint } from '../../formula/fingerprint.ts'
import { type Clock, isoTime } from '../../kit/clock.ts'
import type { DeadEvent, EventQueue, FormulaEvent, LeasedEvent, Settled } from '../ports.ts'
import { traced } from '../traced.ts'
import type { Database, Query, Row } from './database.ts'
import * as sql from './event-statements.ts'
import { QueueHead } from './queue-head.ts'
import type { ReadyNotifier } from './ready-notifier.ts'
import type { GivenTime } from './time.ts'

interface EventQueueOptions {
  database: Database
  clock: Clock
  time: GivenTime
  maxReceives: number
  hints: ReadyNotifier
  identity: () => Promise<string>
  probe: () => Promise<void>
}

/** The event queue in PostgreSQL. A receipt is the random id of one lease's row. */
export function eventQueue({
  database,
  clock,
  time,
  maxReceives,
  hints,
  identity,
  probe,
}: EventQueueOptions): EventQueue {
  const front = new QueueHead()
  const leaseEnds = new QueueHead()

  /** Moves what is over to the front or to the dead letters. */
  async function moveDue(): Promise<void> {
    const [row] = await database.query(sql.MOVE_DUE, [time(), maxReceives, leaseEnds.from])
    leaseEnds.passed(row?.now as number)
  }

  /** When more may be ready, by the clock of this process, which goes otherwise than the database's. */
  async function nextDueAt(): Promise<number | null> {
    const [row] = await database.query(sql.NEXT_DUE, [time()])
    return row?.due_ms == null ? null : clock.now() + (row.due_ms as number)
  }

  const held = (statement: string, receipts: string[], values: unknown[]): Promise<Row[]> =>
    database.query(statement, [time(), receipts.filter(isReceipt), ...values])

  const end = async (statement: string, receipts: string[], values: unknown[] = []): Promise<Settled> =>
    settled(receipts, await held(statement, receipts, values))

  return {
    ...sagaEnd(database, time, hints),
    identity,
    probe,
    async receive(max, leaseMs) {
      const rows = await database.query(sql.RECEIVE, [time(), max, leaseMs, maxReceives, front.from, leaseEnds.from])
      const last = rows.at(-1)
      if (last !== undefined) leaseEnds.passed(last.now as number)
      if (last?.rank === 1) front.passed(last.position as number)
      const events = rows.map(toLeased)
      // Nobody waits who has his hands full.
      if (events.length === max) return { events, nextDueAt: clock.now() + leaseMs }
      // What is leased is given out, whatever becomes of this question.
      const next = events.length === 0 ? nextDueAt() : nextDueAt().catch(() => null)
      return { events, nextDueAt: await next }
    },
    ack: (receipts) => end(sql.ACK, receipts),
    async nack(receipts, delayMs) {
      const ended = await end(sql.NACK, receipts, [delayMs, maxReceives])
      if (ended.accepted > 0) hints.give()
      return ended
    },
    async putBack(receipts) {
      const ended = await end(sql.PUT_BACK, receipts)
      if (ended.accepted > 0) hints.give()
      return ended
    },
    async endLeases(ids) {
      const [row] = await database.query(sql.END_LEASES, [time(), ids.filter(isFingerprint)])
      const ended = row?.ended as number
      if (ended > 0) hints.give()
      return ended
    },
    async extend(receipts, leaseMs) {
      const rows = await held(sql.EXTEND, receipts, [leaseMs])
      const leasedUntil = (rows[0]?.leased_until ?? null) as number | null
      return { ...settled(receipts, rows), leasedUntil }
    },
    async stats() {
      await moveDue()
      const [row] = await database.query(sql.STATS, [time()])
      const { ready, leased, delayed, dead, now, oldest } = row as Record<string, number | null> & { now: number }
      const age = oldest == null ? null : Math.max(0, now - oldest) / 1000
      return { ready, leased, delayed, dead, oldestReadyAgeSeconds: age } as Awaited<ReturnType<EventQueue['stats']>>
    },
    async dead(limit, before = Number.MAX_SAFE_INTEGER) {
      await moveDue()
      const rows = await database.query(sql.DEAD, [before, limit + 1])
      const shown = rows.slice(0, limit)
      return { items: shown.map(toDead), next: rows.length > limit ? (shown.at(-1)?.seq as number) : null }
    },
    async redrive(ids) {
      await moveDue()
      const [row] = await database.query(sql.REDRIVE, [ids?.filter(isFingerprint) ?? null])
      const redriven = row?.redriven as number
      if (redriven > 0) hints.give()
      return redriven
    },
    async removeDead(id) {
      await moveDue()
      return isFingerprint(id) && (await database.query(sql.REMOVE_DEAD, [id])).length > 0
    },
    onReady: (listener) => hints.listen(listener),
  }
}

/** The queue's part in a saga. An attempt's mark is locked first, so its steps come one after the other. */
function sagaEnd(database: Database, time: GivenTime, hints: ReadyNotifier) {
  const mark = async (query: Query, attempt: string, state: string) => {
    const [row] = await query(sql.MARK, [time(), attempt, state])
    return row as { state: string; is_new: boolean }
  }
  return {
    publish: (attempt: string, events: FormulaEvent[]): Promise<boolean> =>
      database.transaction(async (query) => {
        const { state, is_new } = await mark(query, attempt, 'held')
        if (is_new) await query(sql.HOLD, [attempt, ...columns(events)])
        return state !== 'removed'
      }),
    async release(attempt: string, events: FormulaEvent[]): Promise<void> {
      await database.transaction(async (query) => {
        const { state, is_new } = await mark(query, attempt, 'held')
        if (state !== 'held') return
        if (is_new) await query(sql.HOLD, [attempt, ...columns(events)])
        await query(sql.SHOW_HELD, [attempt])
        await query(sql.SET_MARK, [time(), attempt, 'released'])
      })
      hints.give()
    },
    remove: (attempt: string): Promise<void> =>
      database.transaction(async (query) => {
        const { state } = await mark(query, attempt, 'removed')
        if (state === 'released') return
        await query(sql.REMOVE_HELD, [attempt])
        await query(sql.SET_MARK, [time(), attempt, 'removed'])
      }),
    sweep: async (olderThan: number, limit: number): Promise<number> =>
      (await database.query(sql.SWEEP_MARKS, [olderThan, limit])).length,
  }
}

/** One array for each column. */
const columns = (events: FormulaEvent[]): unknown[] => [
  events.map(({ id }) => id),
  events.map(({ name }) => name),
  events.map(({ createdAt }) => Date.parse(createdAt)),
  events.map(({ traceparent }) => traceparent ?? null),
]

/** @param rows the leases that held */
function settled(receipts: string[], rows: Row[]): Settled {
  const stale = new Set(receipts)
  for (const { receipt } of rows) stale.delete(receipt as string)
  return { accepted: rows.length, stale: [...stale] }
}

const isReceipt = (receipt: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(receipt)

const toEvent = ({ id, name, created_at, traceparent }: Row): FormulaEvent => ({
  id: id as string,
  name: name as string,
  createdAt: isoTime(created_at as number),
  ...traced(traceparent as string | null),
})

const toLeased = (row: Row): LeasedEvent => ({
  ...toEvent(row),
  receipt: row.receipt as string,
  receiveCount: row.receives as number,
  leasedUntil: isoTime(row.leased_until as number),
})

const toDead = (row: Row): DeadEvent => ({
  ...toEvent(row),
  receiveCount: row.receives as number,
  diedAt: isoTime(row.died_at as number),
  reason: row.reason as DeadEvent['reason'],
})
