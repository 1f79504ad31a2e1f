import { isFingerprint } from '../../formula/identity.ts'
import { type Admission, BatchScheduler } from '../batch-scheduler.ts'
import type { DeadEvent, EventQueue, LeasedEvent, Settled } from '../ports.ts'
import { CONFIRMED, columnsOf, DURABLE, NOW } from './database.ts'
import type { EventQueueOptions } from './event-queue.ts'

/** Maximum number of events in a batch of receives, unless a single call asks for more. */
const MAX_EVENTS = 1_000

const EVENT = `pg_catalog.encode(fingerprint, 'hex') AS id, formula AS seq, at AS "createdAt", body,
  receives AS "receiveCount"`

/** Subscription, position and nonce of a lease. */
const RECEIPT = /^\d{1,9}-\d{1,15}-[0-9a-f]{32}$/

/** $1 time, $2 subscription, $3 how many, $4 lease in ms, $5 most receives. */
const RECEIVE = `
SELECT ${EVENT}, leased_until AS "leasedUntil",
  pg_catalog.concat(subscription, '-', position, '-', pg_catalog.replace(nonce::text, '-', '')) AS receipt
FROM formula_intake.receive($1, $2, $3, $4, $5)`

/** The milliseconds until the next lease or delay ends. $1 time, $2 subscription. */
const NEXT_DUE = `
SELECT least(
  (SELECT pg_catalog.min(rank) FROM formula_intake.deliveries
    WHERE subscription = own.id AND state = 'leased' AND rank > ${NOW}),
  (SELECT pg_catalog.min(rank) FROM formula_intake.deliveries
    WHERE subscription = own.id AND state = 'delayed' AND rank > ${NOW})
)::bigint - ${NOW}
FROM formula_intake.subscriptions AS own WHERE name = $2`

/**
 * These return the numbers of the receipts, from 1, that held their lease. $1 time, then a column each: $2
 * subscriptions, $3 positions, $4 nonces.
 */
const ACK = `SELECT held FROM formula_intake.ack($1, $2, $3, $4) AS held`
const PUT_BACK = `SELECT held FROM formula_intake.put_back($1, $2, $3, $4) AS held`
/** $5 delay in ms, $6 detail, $7 most receives. */
const NACK = `SELECT held FROM formula_intake.nack($1, $2, $3, $4, $5, $6, $7) AS held`
/** $5 lease in ms. */
const EXTEND = `SELECT held, leased_until FROM formula_intake.extend($1, $2, $3, $4, $5)`

/** $1 subscription, $2 before, $3 limit. */
const DEAD = `
SELECT rank, ${EVENT}, died_at AS "diedAt", reason, detail FROM formula_intake.deliveries
WHERE subscription = (SELECT id FROM formula_intake.subscriptions WHERE name = $1) AND state = 'dead' AND rank < $2
ORDER BY rank DESC LIMIT $3`

/** $1 subscription, $2 fingerprint in hex. */
const REMOVE_DEAD = `
DELETE FROM formula_intake.deliveries
WHERE subscription = (SELECT id FROM formula_intake.subscriptions WHERE name = $1) AND state = 'dead'
  AND fingerprint = pg_catalog.decode($2, 'hex')
RETURNING ${DURABLE}`

/** The ids of subscriptions. $1 their names. */
const IDS = `SELECT id FROM formula_intake.subscriptions WHERE name = ANY ($1::text[])`

interface Settling {
  values?: unknown[]
  only?: readonly string[] | undefined
}

/** Settles leases by their receipts, those of the subscriptions in `only` if it is given. */
function settlements({ database, time, notifier }: EventQueueOptions) {
  async function settle(statement: string, receipts: string[], { values = [], only }: Settling = {}) {
    const stale = new Set(receipts)
    const ids = only && new Set((await database.query(IDS, [only])).map(({ id }) => String(id)))
    const isOurs = (receipt: string): boolean => ids?.has(receipt.slice(0, receipt.indexOf('-'))) ?? true
    const wellFormed = [...stale].filter((receipt) => RECEIPT.test(receipt) && isOurs(receipt))
    const parts = wellFormed.map((receipt) => receipt.split('-'))
    const columns = [time(), ...columnsOf(parts, 0, 1, 2), ...values]
    const rows = parts.length === 0 ? [] : await database.query(statement, columns)
    for (const { held } of rows) stale.delete(wellFormed[(held as number) - 1] as string)
    return { rows, settled: { accepted: rows.length, stale: [...stale] } satisfies Settled }
  }

  async function giveBack(statement: string, receipts: string[], settling: Settling = {}): Promise<Settled> {
    const { settled } = await settle(statement, receipts, settling)
    if (settled.accepted > 0) notifier.notify()
    return settled
  }
  return { settle, giveBack }
}

/** Leases events and settles leases by their receipts. */
export function leases(options: EventQueueOptions) {
  const { database, clock, time, maxReceives, notifier } = options
  const batches = receiveBatches(options)
  const { settle, giveBack } = settlements(options)

  /** When the next lease or delay ends, by the clock of this process, which may differ from the database's. */
  async function nextDueAt(subscription: string): Promise<number | null> {
    const dueMs = await database.value<number | null>(NEXT_DUE, [time(), subscription])
    return dueMs == null ? null : clock.now() + dueMs
  }

  return {
    async receive(subscription, max, leaseMs) {
      const events = await batches.add({ subscription, max, leaseMs })
      // The batch is full: skip the query for the next due event.
      if (events.length === max) return { events, nextDueAt: clock.now() + leaseMs }
      // Leased events are handed out even when this query fails.
      const next = nextDueAt(subscription)
      return { events, nextDueAt: await (events.length === 0 ? next : next.catch(() => null)) }
    },
    ack: async (receipts, only) => (await settle(ACK, receipts, { only })).settled,
    nack: (receipts, delayMs, detail, only) =>
      giveBack(NACK, receipts, { values: [delayMs, detail ?? null, maxReceives], only }),
    putBack: (receipts) => giveBack(PUT_BACK, receipts),
    async extend(receipts, leaseMs, only) {
      const { rows, settled } = await settle(EXTEND, receipts, { values: [leaseMs], only })
      return { ...settled, leasedUntil: (rows[0]?.leased_until ?? null) as number | null }
    },
    async endLeases(subscription, ids) {
      const ended = (await database.call<number>('end_leases', time(), subscription, ids.filter(isFingerprint))) ?? 0
      if (ended > 0) notifier.notify()
      return ended
    },
  } satisfies Partial<EventQueue>
}

export function deadLetters({ database, time, maxReceives, notifier }: EventQueueOptions) {
  const moveDue = (subscription: string) => database.call('move_due', time(), subscription, maxReceives)
  return {
    async dead(subscription, limit, before = Number.MAX_SAFE_INTEGER) {
      await moveDue(subscription)
      const rows = await database.query(DEAD, [subscription, before, limit + 1])
      const shown = rows.slice(0, limit)
      const items = shown.map(({ rank: _, ...event }) => event) as unknown[] as DeadEvent[]
      return { items, next: rows.length > limit ? (shown.at(-1)?.rank as number) : null }
    },
    async redrive(subscription, ids) {
      const wanted = ids?.filter(isFingerprint) ?? null
      const redriven = (await database.call<number>('redrive', time(), subscription, wanted, maxReceives)) ?? 0
      if (redriven > 0) notifier.notify()
      return redriven
    },
    async removeDead(subscription, id) {
      await moveDue(subscription)
      if (!isFingerprint(id)) return false
      const isRemoved = (await database.query(REMOVE_DEAD, [subscription, id])).length > 0
      if (!isRemoved) await database.execute(`SELECT ${CONFIRMED}`)
      return isRemoved
    },
  } satisfies Partial<EventQueue>
}

/** A call of `receive`. */
interface Request {
  subscription: string
  max: number
  leaseMs: number
}

/**
 * Receives that arrive together share a transaction, because a receive locks its subscription until the commit. One
 * batch per subscription is in flight; it hands its events out in order of arrival.
 */
function receiveBatches({ database, time, maxReceives }: EventQueueOptions): BatchScheduler<Request, LeasedEvent[]> {
  const busy = new Set<string>()
  return new BatchScheduler<Request, LeasedEvent[]>({
    admit: () => admission(busy),
    async run(requests) {
      const [{ subscription, leaseMs }] = requests as [Request]
      const total = requests.reduce((sum, { max }) => sum + max, 0)
      try {
        const rows = await database.query(RECEIVE, [time(), subscription, total, leaseMs, maxReceives])
        const events = rows as unknown[] as LeasedEvent[]
        return requests.map(({ max }) => events.splice(0, max))
      } finally {
        busy.delete(subscription)
      }
    },
  })
}

/** Admits requests for the same subscription and lease. */
function admission(busy: Set<string>): (request: Request) => Admission {
  let first: Request | undefined
  let events = 0
  return (request) => {
    const { subscription, leaseMs, max } = request
    if (first === undefined) {
      if (busy.has(subscription)) return 'waits'
      first = request
      busy.add(subscription)
    } else {
      if (subscription !== first.subscription) return 'waits'
      if (leaseMs !== first.leaseMs || events + max > MAX_EVENTS) return 'full'
    }
    events += max
    return 'joins'
  }
}
