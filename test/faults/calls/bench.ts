import { randomUUID } from 'node:crypto'
import tap, { type Test } from 'tap'
import { parseLocation, type StoreLocation } from '../../../src/stores/location.ts'
import { openStores } from '../../../src/stores/open.ts'
import type { Stores } from '../../../src/stores/ports.ts'
import { UNTRACED } from '../../../src/submission/options.ts'
import { Orchestrator } from '../../../src/submission/orchestrator.ts'
import { DAY_MS } from '../../contract/open-stores.ts'
import { type PostgresServer, startPostgres } from '../../support/postgres/server.ts'
import { passTime } from '../../support/submission/orchestrator-bench.ts'
import { TestClock } from '../../support/test-clock.ts'
import { createDatabases, environmentOf } from '../databases.ts'
import { sized } from '../extent.ts'
import { type CommitStrategy, eachPort, filesIn, memoryStores, scratch } from '../stores.ts'

/** Longer than a late call and all its consequences take. */
const REST_MS = 120_000

export const ENGINES = ['memory', 'sqlite', 'postgres'] as const
export type Engine = (typeof ENGINES)[number]

/** Stores that outlive the processes using them, on a test clock. */
export interface Bench {
  clock: TestClock
  /** Without faults. */
  stores: Stores
  /** Reopens the stores, as the process after a dead one does. */
  restart(): Promise<void>
  /** Lets time pass until the promise settles; the clock stands still while a store is working. */
  finish<T>(promise: Promise<T>): Promise<T>
  later(ms: number): Promise<void>
  /** Lets time pass until late calls have arrived and all cleanups are done. */
  rest(): Promise<void>
}

interface BenchOptions {
  engine: Engine
  strategy: CommitStrategy
  maxReceives?: number
  /** The configuration of its stores; new and empty ones unless given. */
  urls?: { DATABASE_URL: string; QUEUE_URL: string }
}

/** Opens the stores; they are closed after the test. */
export async function openBench(t: Test, { engine, strategy, maxReceives = 5, urls }: BenchOptions): Promise<Bench> {
  const clock = new TestClock()
  const options = { clock, answerTtlMs: DAY_MS, maxReceives }
  let open: (() => Promise<Stores>) | undefined
  if (engine !== 'memory') {
    const { DATABASE_URL, QUEUE_URL } = urls ?? (await newStores(t, engine, strategy))
    const [database, queue] = [DATABASE_URL, QUEUE_URL].map(parseLocation) as [StoreLocation, StoreLocation]
    open = () => openStores({ database, queue, options, warn: () => {} })
  }
  // On PostgreSQL each of the many background rounds takes real time.
  const restMs = engine === 'postgres' ? sized(20_000, REST_MS) : REST_MS
  const bench = benchOf(clock, restMs, open === undefined ? memoryStores(strategy, options) : await open(), open)
  t.teardown(() => bench.stores.close())
  return bench
}

const newStores = async (t: Test, engine: Engine, strategy: CommitStrategy) =>
  engine === 'sqlite' ? filesIn(scratch(t), strategy) : environmentOf(await createDatabases(await postgres(), strategy))

let server: Promise<PostgresServer> | undefined

/** The PostgreSQL server that the tests of a file share. */
export function postgres(): Promise<PostgresServer> {
  if (server === undefined) {
    server = startPostgres({ durable: false })
    tap.teardown(async () => (await server)?.stop())
  }
  return server
}

function benchOf(clock: TestClock, restMs: number, first: Stores, reopen?: () => Promise<Stores>): Bench {
  const working = new Set<Promise<unknown>>()
  const watched = (stores: Stores): Stores =>
    eachPort(stores, async (call) => {
      const work = call()
      const ended: Promise<unknown> = work.then(
        () => working.delete(ended),
        () => working.delete(ended),
      )
      working.add(ended)
      return work
    })
  const held = (): Promise<unknown> | null => (working.size === 0 ? null : Promise.race(working))
  const finish = <T>(promise: Promise<T>): Promise<T> => passTime(clock, promise, held)
  const later = (ms: number): Promise<void> => finish(new Promise((resolve) => clock.after(ms, resolve)))
  const bench: Bench = {
    clock,
    stores: watched(first),
    async restart() {
      if (reopen === undefined) return
      await bench.stores.close()
      bench.stores = watched(await reopen())
    },
    finish,
    later,
    rest: () => later(restMs),
  }
  return bench
}

/** A process of the service without HTTP. */
export function startOrchestrator(stores: Stores, { clock }: Bench): Orchestrator {
  const log = { warn: () => {}, error: () => {} }
  const limits = { retries: 3, baseMs: 1_000, maxMs: 10_000, deadlineMs: 30_000, waitMs: 10_000, retentionMs: 0 }
  return new Orchestrator(stores, { ...limits, clock, random: () => 0.5, newId: randomUUID, log, tracer: UNTRACED })
}
