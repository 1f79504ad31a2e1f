import { cpuMsOf } from '../../test/support/postgres/process-tree.ts'
import { type PostgresServer, query } from '../../test/support/postgres/server.ts'
import { medians } from '../statistics.ts'

/** What a unit costs the server. */
export type ServerFigure = {
  /** CPU time of all its processes. */
  cpuUsPerUnit: number
  walBytesPerUnit: number
  /** Units per transaction that wrote something. */
  unitsPerCommit: number
  /** Time of a sync of the write-ahead log. */
  syncMs: number
}

interface Counters {
  cpuMs: number
  walBytes: number
  transactions: number
  syncs: number
  syncMs: number
}

/** Counts transactions by their ids: only those that write get one, and xact_commit is up to a second late. */
const COUNTERS = `
  SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 AS "walBytes",
    pg_snapshot_xmax(pg_current_snapshot())::text::float8 AS transactions,
    sum(fsyncs)::float8 AS syncs, sum(fsync_time)::float8 AS "syncMs"
  FROM pg_stat_io WHERE object = 'wal'`

/** Measures a server while a contender works on one of its databases. */
export class ServerCosts {
  readonly #server: PostgresServer
  readonly #rounds: ServerFigure[] = []

  constructor(server: PostgresServer) {
    this.#server = server
  }

  async during<T extends { units: number }>(work: () => Promise<T>): Promise<T> {
    const before = await this.#count()
    const done = await work()
    const after = await this.#count()
    const of = (name: keyof Counters): number => after[name] - before[name]
    this.#rounds.push({
      cpuUsPerUnit: (of('cpuMs') * 1000) / done.units,
      walBytesPerUnit: of('walBytes') / done.units,
      unitsPerCommit: done.units / of('transactions'),
      syncMs: of('syncMs') / of('syncs'),
    })
    return done
  }

  async #count(): Promise<Counters> {
    const [row] = await query<Omit<Counters, 'cpuMs'>>(this.#server.url(), COUNTERS)
    return { ...(row as Omit<Counters, 'cpuMs'>), cpuMs: cpuMsOf(this.#server.pid) }
  }

  /** Medians over the rounds. */
  figure(): ServerFigure {
    return medians(this.#rounds)
  }
}
