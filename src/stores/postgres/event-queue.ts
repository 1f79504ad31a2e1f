import { UnknownSubscription } from '../../errors/store-errors.ts'
import { isFingerprint } from '../../formula/identity.ts'
import type { Clock } from '../../kit/clock.ts'
import {
  DEFAULT_SUBSCRIPTION,
  type DeadEvent,
  type EventQueue,
  type FormulaEvent,
  type LogPlace,
  MAX_SUBSCRIPTIONS,
  type Settled,
  type Subscription,
} from '../ports.ts'
import type { Database, GivenTime, Query, Row } from './database.ts'
import * as sql from './event-statements.ts'
import type { ReadyNotifier } from './ready-notifier.ts'
import { ReceiveBatches, receiptColumns } from './receive-batches.ts'

interface EventQueueOptions {
  database: Database
  clock: Clock
  time: GivenTime
  maxReceives: number
  hints: ReadyNotifier
  identity: () => Promise<string>
  probe: () => Promise<void>
}

/** The event queue in PostgreSQL. */
export function eventQueue(options: EventQueueOptions): EventQueue {
  const { hints, identity, probe } = options
  return {
    ...sagaEnd(options),
    ...log(options),
    ...leases(options),
    ...deadLetters(options),
    onReady: (listener) => hints.listen(listener),
    identity,
    probe,
  }
}

/** The log, and who reads it. */
function log({ database, time, maxReceives, hints }: EventQueueOptions) {
  const stats = async (subscription: string | null): Promise<Subscription[]> => {
    await database.query(sql.MOVE_DUE, [time(), subscription, maxReceives])
    return (await database.query(sql.STATS, [time(), subscription])).map(toSubscription)
  }
  return {
    async trim(olderThan, limit) {
      const [row] = await database.query(sql.TRIM, [olderThan, limit])
      return row?.trimmed as number
    },
    async erase(id, seq) {
      if (isFingerprint(id)) await database.query(sql.ERASE, [id, seq])
    },
    async subscribe(name, from) {
      const [row] = await database.query(sql.SUBSCRIBE, [time(), name, sinceOf(from), MAX_SUBSCRIPTIONS])
      return row?.outcome as 'made' | 'there' | 'full'
    },
    async unsubscribe(name) {
      if (name === DEFAULT_SUBSCRIPTION) return false
      const [row] = await database.query(sql.UNSUBSCRIBE, [name])
      return row?.gone === true
    },
    subscriptions: () => stats(null),
    async stats(name) {
      const [found] = await stats(name)
      if (found === undefined) throw new UnknownSubscription(name)
      const { createdAt: _, paused: __, name: ___, ...figures } = found
      return figures
    },
    async seek(name, to) {
      await database.query(sql.SEEK, [name, sinceOf(to)])
      hints.give()
    },
    async pause(name, paused) {
      if ((await database.query(sql.PAUSE, [name, paused])).length === 0) throw new UnknownSubscription(name)
      if (!paused) hints.give()
    },
  } satisfies Partial<EventQueue>
}

/** What is handed out, and how it comes back. */
function leases({ database, clock, time, maxReceives, hints }: EventQueueOptions) {
  const batches = new ReceiveBatches({ database, time, maxReceives })

  /** When more may be ready, by the clock of this process, which goes otherwise than the database's. */
  async function nextDueAt(subscription: string): Promise<number | null> {
    const [row] = await database.query(sql.NEXT_DUE, [time(), subscription])
    return row?.due_ms == null ? null : clock.now() + (row.due_ms as number)
  }

  async function settle(statement: string, receipts: string[], values: unknown[] = []) {
    const stale = new Set(receipts)
    const { columns, byNonce } = receiptColumns(stale)
    const rows = byNonce.size === 0 ? [] : await database.query(statement, [time(), ...columns, ...values])
    for (const { nonce } of rows) stale.delete(byNonce.get((nonce as string).replaceAll('-', '')) as string)
    return { rows, settled: { accepted: rows.length, stale: [...stale] } satisfies Settled }
  }

  async function giveBack(statement: string, receipts: string[], values: unknown[] = []): Promise<Settled> {
    const { settled } = await settle(statement, receipts, values)
    if (settled.accepted > 0) hints.give()
    return settled
  }

  return {
    async receive(subscription, max, leaseMs) {
      const events = await batches.receive({ subscription, max, leaseMs })
      // The batch is full: skip the query for the next due event.
      if (events.length === max) return { events, nextDueAt: clock.now() + leaseMs }
      // What is leased is given out, whatever becomes of this question.
      const next = nextDueAt(subscription)
      return { events, nextDueAt: await (events.length === 0 ? next : next.catch(() => null)) }
    },
    ack: async (receipts) => (await settle(sql.ACK, receipts)).settled,
    nack: (receipts, delayMs, detail) => giveBack(sql.NACK, receipts, [delayMs, detail ?? null, maxReceives]),
    putBack: (receipts) => giveBack(sql.PUT_BACK, receipts),
    async extend(receipts, leaseMs) {
      const { rows, settled } = await settle(sql.EXTEND, receipts, [leaseMs])
      return { ...settled, leasedUntil: (rows[0]?.leased_until ?? null) as number | null }
    },
    async endLeases(subscription, ids) {
      const [row] = await database.query(sql.END_LEASES, [time(), subscription, ids.filter(isFingerprint)])
      const ended = row?.ended as number
      if (ended > 0) hints.give()
      return ended
    },
  } satisfies Partial<EventQueue>
}

function deadLetters({ database, time, maxReceives, hints }: EventQueueOptions) {
  const moveDue = (subscription: string) => database.query(sql.MOVE_DUE, [time(), subscription, maxReceives])
  return {
    async dead(subscription, limit, before = Number.MAX_SAFE_INTEGER) {
      await moveDue(subscription)
      const rows = await database.query(sql.DEAD, [subscription, before, limit + 1])
      const shown = rows.slice(0, limit)
      return { items: shown.map(toDead), next: rows.length > limit ? (shown.at(-1)?.rank as number) : null }
    },
    async redrive(subscription, ids) {
      const wanted = ids?.filter(isFingerprint) ?? null
      const [row] = await database.query(sql.REDRIVE, [time(), subscription, wanted, maxReceives])
      const redriven = row?.redriven as number
      if (redriven > 0) hints.give()
      return redriven
    },
    async removeDead(subscription, id) {
      await moveDue(subscription)
      return isFingerprint(id) && (await database.query(sql.REMOVE_DEAD, [subscription, id])).length > 0
    },
  } satisfies Partial<EventQueue>
}

/** The queue's part in a saga. An attempt's mark is locked first, so its steps come one after the other. */
function sagaEnd({ database, time, hints }: EventQueueOptions) {
  const mark = async (query: Query, attempt: string, state: string) => {
    const [row] = await query(sql.MARK, [time(), attempt, state])
    return row as { state: string; is_new: boolean }
  }
  return {
    publish: (attempt: string, events: FormulaEvent[]): Promise<boolean> =>
      database.transaction(async (query) => {
        const { state, is_new } = await mark(query, attempt, 'held')
        const { ids, times, bodies } = columnsOf(events)
        if (is_new) await query(sql.HOLD, [attempt, ids, times, bodies])
        return state !== 'removed'
      }),
    async release(attempt: string, events: FormulaEvent[]): Promise<void> {
      const { ids, times, bodies } = columnsOf(events)
      const formulas = events.map(({ seq }) => seq)
      await database.query(sql.RELEASE, [time(), attempt, ids, formulas, times, bodies])
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
  } satisfies Partial<EventQueue>
}

const columnsOf = (events: FormulaEvent[]) => ({
  ids: events.map(({ id }) => id),
  times: events.map(({ createdAt }) => createdAt),
  bodies: events.map(({ body }) => body),
})

/** The start is the first event of any time. */
const sinceOf = (place: LogPlace): number | null => {
  if (place === 'end') return null
  return place === 'start' ? Number.MIN_SAFE_INTEGER : place
}

function toSubscription(row: Row): Subscription {
  const { name, created_at, paused, ready, leased, delayed, dead, oldest, now } = row as Record<string, number | null>
  const oldestReadyAgeSeconds = oldest == null ? null : Math.max(0, (now ?? 0) - oldest) / 1000
  return {
    name,
    createdAt: created_at,
    paused,
    ready,
    leased,
    delayed,
    dead,
    oldestReadyAgeSeconds,
  } as unknown as Subscription
}

const toDead = (row: Row): DeadEvent => ({
  id: row.id as string,
  seq: row.formula as number,
  createdAt: row.at as number,
  body: row.body as string,
  receiveCount: row.receives as number,
  diedAt: row.died_at as number,
  reason: row.reason as DeadEvent['reason'],
  detail: row.detail as string | null,
})
