import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { cpuMsOf } from '../../test/support/postgres/process-tree.ts'
import type { PostgresServer } from '../../test/support/postgres/server.ts'
import { median } from '../median.ts'

/** What a unit costs the server, and what it does meanwhile. */
export interface ServerFigure {
  /** CPU time of all its processes. */
  cpuUsPerUnit: number
  walBytesPerUnit: number
  /** Transactions that wrote something. */
  commitsPerSecond: number
  unitsPerCommit: number
  /** Writes of the log that waited for the disk, and how long each took. */
  syncsPerSecond: number
  syncMs: number
  /** How many connections were doing or waiting for what, on average; those that wait for work are left out. */
  backends: Record<string, number>
}

interface Counters {
  cpuMs: number
  walBytes: number
  transactions: number
  syncs: number
  syncMs: number
  atMs: number
}

const SAMPLE_MS = 50

/** A number is given to each transaction that writes: counted at once, where xact_commit lags behind by a second. */
const COUNTERS = `
  SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS "walBytes",
    pg_snapshot_xmax(pg_current_snapshot())::text AS transactions,
    sum(fsyncs) AS syncs, sum(fsync_time) AS "syncMs"
  FROM pg_stat_io WHERE object = 'wal'`
const BACKENDS = `
  SELECT count(*)::int AS count,
    CASE WHEN state = 'active' THEN coalesce(wait_event_type || ':' || wait_event, 'running') ELSE state END AS doing
  FROM pg_stat_activity
  WHERE datname = $1 AND pid <> pg_backend_pid() AND state <> 'idle' GROUP BY doing`

/** Looks at a server while a contender works on one of its databases. */
export class ServerSide {
  readonly #server: PostgresServer
  readonly #database: string
  readonly #client: pg.Client
  readonly #rounds: ServerFigure[] = []

  constructor(server: PostgresServer, databaseUrl: string) {
    this.#server = server
    this.#database = new URL(databaseUrl).pathname.slice(1)
    this.#client = new pg.Client({ connectionString: server.url() })
  }

  async open(): Promise<this> {
    await this.#client.connect()
    return this
  }

  /** Counts what the server does during a round of work. */
  async during<T extends { units: number }>(work: () => Promise<T>): Promise<T> {
    const before = await this.#count()
    const working = work()
    const [done, backends] = await Promise.all([working, this.#sample(working)])
    const after = await this.#count()
    const { units } = done
    const of = (name: keyof Counters): number => after[name] - before[name]
    const seconds = of('atMs') / 1000
    this.#rounds.push({
      cpuUsPerUnit: (of('cpuMs') * 1000) / units,
      walBytesPerUnit: of('walBytes') / units,
      commitsPerSecond: of('transactions') / seconds,
      unitsPerCommit: units / of('transactions'),
      syncsPerSecond: of('syncs') / seconds,
      syncMs: of('syncMs') / of('syncs'),
      backends,
    })
    return done
  }

  async #count(): Promise<Counters> {
    const { rows } = await this.#client.query(COUNTERS)
    const { walBytes, transactions, syncs, syncMs } = rows[0]
    const counted = { walBytes: Number(walBytes), transactions: Number(transactions), syncs: Number(syncs), syncMs }
    return { ...counted, cpuMs: cpuMsOf(this.#server.pid), atMs: performance.now() }
  }

  async #sample(working: Promise<unknown>): Promise<Record<string, number>> {
    const over = working.then(
      () => true,
      () => true,
    )
    const sums: Record<string, number> = {}
    let samples = 0
    while (!(await Promise.race([over, pause(SAMPLE_MS, false)]))) {
      const { rows } = await this.#client.query({ name: 'backends', text: BACKENDS, values: [this.#database] })
      for (const { doing, count } of rows) sums[doing] = (sums[doing] ?? 0) + count
      samples++
    }
    return averages(sums, samples)
  }

  /** Medians over the rounds; backends on average. */
  figure(): ServerFigure {
    const of = (field: Exclude<keyof ServerFigure, 'backends'>): number =>
      median(this.#rounds.map((each) => each[field]))
    const sums: Record<string, number> = {}
    for (const { backends } of this.#rounds) {
      for (const [doing, count] of Object.entries(backends)) sums[doing] = (sums[doing] ?? 0) + count
    }
    return {
      cpuUsPerUnit: of('cpuUsPerUnit'),
      walBytesPerUnit: of('walBytesPerUnit'),
      commitsPerSecond: of('commitsPerSecond'),
      unitsPerCommit: of('unitsPerCommit'),
      syncsPerSecond: of('syncsPerSecond'),
      syncMs: of('syncMs'),
      backends: averages(sums, this.#rounds.length),
    }
  }

  async close(): Promise<void> {
    await this.#client.end()
  }
}

/** The most first. */
function averages(sums: Record<string, number>, times: number): Record<string, number> {
  const sorted = Object.entries(sums).toSorted(([, a], [, b]) => b - a)
  return Object.fromEntries(sorted.map(([name, sum]) => [name, sum / Math.max(1, times)]))
}
