import { UnknownSubscription } from '../../errors/store-errors.ts'
import { isFingerprint } from '../../formula/identity.ts'
import type { Clock } from '../../kit/clock.ts'
import { DEFAULT_SUBSCRIPTION, type EventQueue, type LogPlace, MAX_SUBSCRIPTIONS, type Subscription } from '../ports.ts'
import { columnsOf, type Database, DURABLE, type GivenTime, NOW, type Query, type Row, sweepOf } from './database.ts'
import { eventStates } from './event-states.ts'
import { deadLetters, leases } from './leases.ts'
import type { ReadyNotifier } from './ready-notifier.ts'
import type { Vacuum } from './vacuum.ts'

/** $1 time, $2 subscription; null for all. */
const STATS = `
SELECT name, created_at, paused, ready, leased, delayed, dead, oldest, now FROM formula_intake.stats($1, $2)`

/** $1 name, $2 whether it pauses. */
const PAUSE = `UPDATE formula_intake.subscriptions SET paused = $2 WHERE name = $1 RETURNING ${DURABLE}`

/** Locks an attempt's mark, creating it if there is none. $1 time, $2 attempt, $3 state of a new mark. */
const MARK = `
INSERT INTO formula_intake.marks AS mark VALUES ($2, $3, ${NOW})
ON CONFLICT (attempt) DO UPDATE SET state = mark.state RETURNING state`

/** $1 time, $2 attempt, $3 state. */
const SET_MARK = `UPDATE formula_intake.marks SET state = $3, at = ${NOW} WHERE attempt = $2`

/** Holds events unless they are held already. $1 attempt, $2 fingerprints in hex, $3 times, $4 bodies. */
const HOLD = `
INSERT INTO formula_intake.held
SELECT $1, ordinal, pg_catalog.decode(id, 'hex'), at, body
FROM unnest($2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY AS event (id, at, body, ordinal)
ON CONFLICT (attempt, ordinal) DO NOTHING`

/** $1 older than, in ms since the epoch, $2 limit. */
const SWEEP_MARKS = sweepOf('marks', { key: 'attempt', where: `state <> 'held' AND at < $1`, oldestBy: 'at' })

export interface EventQueueOptions {
  database: Database
  clock: Clock
  time: GivenTime
  maxReceives: number
  notifier: ReadyNotifier
  vacuum: Vacuum
}

export function eventQueue(options: EventQueueOptions): Omit<EventQueue, 'identity' | 'probe'> {
  const { database, notifier, vacuum } = options
  return {
    ...sagaSteps(options),
    ...subscriptions(options),
    ...leases(options),
    ...deadLetters(options),
    ...eventStates(options),
    onReady: (listener) => notifier.listen(listener),
    async trim(olderThan, limit) {
      return (await database.call<number>('trim_log', olderThan, limit)) ?? 0
    },
    async erase(id, seq) {
      if (!isFingerprint(id)) return
      await database.call('erase', id, seq)
      vacuum.request()
    },
  }
}

function subscriptions({ database, time, maxReceives, notifier }: EventQueueOptions) {
  const moveDue = (subscription: string | null) => database.call('move_due', time(), subscription, maxReceives)
  const stats = async (subscription: string | null): Promise<Subscription[]> => {
    await moveDue(subscription)
    return (await database.query(STATS, [time(), subscription])).map(toSubscription)
  }
  return {
    async subscribe(name, from) {
      const outcome = await database.call('subscribe', time(), name, sinceOf(from), MAX_SUBSCRIPTIONS)
      return outcome as 'made' | 'there' | 'full'
    },
    async unsubscribe(name) {
      if (name === DEFAULT_SUBSCRIPTION || (await database.call('unsubscribe', name)) !== true) return false
      notifier.notify()
      return true
    },
    subscriptions: () => stats(null),
    async stats(name) {
      const [found] = await stats(name)
      if (found === undefined) throw new UnknownSubscription(name)
      const { createdAt: _, paused: __, name: ___, ...figures } = found
      return figures
    },
    async seek(name, to) {
      // A lease that has ended may be its last: then it is a dead letter, which stays.
      await moveDue(name)
      await database.call('seek', name, sinceOf(to))
      notifier.notify()
    },
    async pause(name, paused) {
      if ((await database.query(PAUSE, [name, paused])).length === 0) throw new UnknownSubscription(name)
      if (!paused) notifier.notify()
    },
  } satisfies Partial<EventQueue>
}

/** The queue's steps of a saga. Each locks the attempt's mark first, so the steps of an attempt are serialized. */
function sagaSteps({ database, time, notifier }: EventQueueOptions) {
  const mark = async (query: Query, attempt: string, state: string) => {
    const [row] = await query(MARK, [time(), attempt, state])
    return row?.state as string
  }
  return {
    publish: (attempt, events) =>
      database.transaction(async (query) => {
        const state = await mark(query, attempt, 'held')
        if (state === 'held') await query(HOLD, [attempt, ...columnsOf(events, 'id', 'createdAt', 'body')])
        return state !== 'removed'
      }),
    async release(attempt, events) {
      await database.call('release', time(), attempt, ...columnsOf(events, 'id', 'seq', 'createdAt', 'body'))
      notifier.notify()
    },
    remove: (attempt) =>
      database.transaction(async (query) => {
        const state = await mark(query, attempt, 'removed')
        if (state === 'released') return
        await query('DELETE FROM formula_intake.held WHERE attempt = $1', [attempt])
        await query(SET_MARK, [time(), attempt, 'removed'])
      }),
    sweep: async (olderThan, limit) => (await database.query(SWEEP_MARKS, [olderThan, limit])).length,
  } satisfies Partial<EventQueue>
}

/** @returns the time of the first event to read; null to skip all events in the log */
const sinceOf = (place: LogPlace): number | null => {
  if (place === 'end') return null
  return place === 'start' ? Number.MIN_SAFE_INTEGER : place
}

function toSubscription({ name, created_at, paused, ready, leased, delayed, dead, oldest, now }: Row): Subscription {
  const oldestReadyAgeSeconds = oldest === null ? null : Math.max(0, Number(now) - Number(oldest)) / 1000
  const figures = { ready, leased, delayed, dead, oldestReadyAgeSeconds }
  return { name, createdAt: created_at, paused, ...figures } as Subscription
}
