import pg from 'pg'
import { systemClock } from '../../src/kit/clock.ts'
import type { EventQueue } from '../../src/stores/ports.ts'
import { openPostgres } from '../../src/stores/postgres/engine.ts'
import { type PostgresServer, query } from '../../test/support/postgres/server.ts'
import { median } from '../median.ts'

/** Rates of receiving and acknowledging by 100 while the queue's dead rows cannot be removed, and when they can. */
export interface HeldSnapshot {
  events: number
  /** Events a second in each tenth of the events. */
  free: number[]
  held: number[]
  /** What the tables of the queue, with their indexes, take in the end, in bytes. */
  freeBytes: number
  heldBytes: number
}

const CONSUMERS = 4
const BY = 100
const PARTS = 10

const FILL = `
WITH filled AS (UPDATE formula_intake.log SET head = $1)
INSERT INTO formula_intake.events
SELECT n, sha256(n::text::bytea), n, 0, '{"name":"Rose ' || n || '"}' FROM generate_series(1, $1::bigint) AS n`
const SIZE = `
SELECT sum(pg_total_relation_size('formula_intake.' || name)) AS bytes
FROM unnest(ARRAY['events', 'deliveries', 'subscriptions']) AS t (name)`

/** Consumes a queue twice; the second time a transaction elsewhere holds a snapshot from before. */
export async function measureHeldSnapshot(server: PostgresServer, events: number): Promise<HeldSnapshot> {
  const free = await consumeAll(server, events, false)
  const held = await consumeAll(server, events, true)
  return { events, free: free.rates, held: held.rates, freeBytes: free.bytes, heldBytes: held.bytes }
}

/** The rate when most has been consumed, under the snapshot, as a share of the rate without it. */
export const heldShare = ({ free, held }: HeldSnapshot): number => median(held.slice(-3)) / median(free.slice(-3))

async function consumeAll(server: PostgresServer, events: number, isHeld: boolean) {
  const url = await server.createDatabase()
  const stores = await openPostgres(url, { clock: systemClock, answerTtlMs: 3_600_000, maxReceives: 5 })
  await query(url, FILL, [events])
  await query(url, 'VACUUM ANALYZE')
  const other = new pg.Client({ connectionString: url })
  await other.connect()
  if (isHeld) await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM formula_intake.events')
  try {
    const rates: number[] = []
    for (let part = 0; part < PARTS; part++) rates.push(await consume(stores.queue, events / PARTS))
    const [size] = await query<{ bytes: string }>(url, SIZE)
    return { rates, bytes: Number(size?.bytes) }
  } finally {
    await other.end()
    await stores.close()
    await query(server.url(), `DROP DATABASE "${new URL(url).pathname.slice(1)}" WITH (FORCE)`)
  }
}

/** @returns events a second */
async function consume(queue: EventQueue, events: number): Promise<number> {
  let left = events
  const consumer = async (): Promise<void> => {
    while (left > 0) {
      left -= BY
      const { events: leased } = await queue.receive('default', BY, 60_000)
      const { accepted } = await queue.ack(leased.map(({ receipt }) => receipt))
      if (accepted !== BY) throw new Error(`${accepted} of ${BY} events were acknowledged`)
    }
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: CONSUMERS }, consumer))
  return (events / (performance.now() - begun)) * 1000
}
