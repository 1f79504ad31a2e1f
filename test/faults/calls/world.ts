import { join } from 'node:path'
import tap, { type Test } from 'tap'
import { parseLocation, type StoreLocation } from '../../../src/stores/location.ts'
import { openStores } from '../../../src/stores/open.ts'
import type { EngineOptions, Stores } from '../../../src/stores/ports.ts'
import { openMemory, openMemoryQueue } from '../../../src/stores/sqlite/memory.ts'
import { type PostgresServer, startPostgres } from '../../support/postgres/server.ts'
import { passTime } from '../../support/submission/orchestrator-bench.ts'
import { TestClock } from '../../support/test-clock.ts'
import { createDatabases, type Databases } from '../chaos/databases.ts'
import { sized } from '../extent.ts'
import { scratch } from '../scratch.ts'
import type { Way } from '../ways.ts'
import { eachPort } from './ports.ts'

/** Longer than a late call takes, and all its consequences. */
const REST_MS = 120_000

export const ENGINES = ['memory', 'sqlite', 'postgres'] as const
export type Engine = (typeof ENGINES)[number]

/** Stores that outlive the processes which use them, and the time all of them go by. */
export interface World {
  clock: TestClock
  /** The stores as they are, without faults. */
  stores: Stores
  /** What a new process finds after the old one has died. */
  restart(): Promise<void>
  /** Lets time pass until the promise settles; it stands still while a store is at work. */
  finish<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass. */
  later(ms: number): Promise<void>
  /** Lets everything come to rest: what is late arrives, and what is owed is worked off. */
  rest(): Promise<void>
}

interface WorldOptions {
  engine: Engine
  way: Way
  maxReceives?: number
  /** The databases of the postgres engine, where they are not to be new ones. */
  databases?: Databases
}

/** Opens a world with empty stores; it ends with the test. */
export async function openWorld(t: Test, { way, maxReceives = 5, ...where }: WorldOptions): Promise<World> {
  const clock = new TestClock()
  const options = { clock, answerTtlMs: 86_400_000, maxReceives }
  const made =
    where.engine === 'memory'
      ? world(clock, REST_MS, inMemory(way, options))
      : await durableWorld(clock, options, await urlsOf(t, way, where))
  t.teardown(() => made.stores.close())
  return made
}

async function urlsOf(t: Test, way: Way, { engine, databases }: Omit<WorldOptions, 'way'>): Promise<[string, string]> {
  if (engine === 'postgres') {
    const { database, queue } = databases ?? (await createDatabases(await postgres(), way))
    return [database, queue]
  }
  const folder = scratch(t)
  const url = (name: string): string => `sqlite:${join(folder, name)}`
  return [url('formulas.db'), url(way === 'saga' ? 'events.db' : 'formulas.db')]
}

async function durableWorld(clock: TestClock, options: EngineOptions, urls: [string, string]): Promise<World> {
  const [database, queue] = urls.map(parseLocation) as [StoreLocation, StoreLocation]
  const open = (): Promise<Stores> => openStores({ database, queue, options, warn: () => {} })
  // The rounds of the background are many, and each takes its time there.
  return world(clock, database.engine === 'postgres' ? sized(20_000, REST_MS) : REST_MS, await open(), open)
}

let server: Promise<PostgresServer> | undefined

/** The one server of all worlds of a test file. */
export function postgres(): Promise<PostgresServer> {
  if (server === undefined) {
    server = startPostgres({ durable: false })
    tap.teardown(async () => (await server)?.stop())
  }
  return server
}

function inMemory(way: Way, options: EngineOptions): Stores {
  const memory = openMemory(options)
  return way === 'saga' ? { ...memory, queue: openMemoryQueue(options), intake: null } : memory
}

function world(clock: TestClock, restMs: number, first: Stores, reopen?: () => Promise<Stores>): World {
  const atWork = new Set<Promise<unknown>>()
  const watched = (stores: Stores): Stores =>
    eachPort(stores, async (call) => {
      const work = call()
      const ended: Promise<unknown> = work.then(
        () => atWork.delete(ended),
        () => atWork.delete(ended),
      )
      atWork.add(ended)
      return work
    })
  const held = (): Promise<unknown> | null => (atWork.size === 0 ? null : Promise.race(atWork))
  const finish = <T>(promise: Promise<T>): Promise<T> => passTime(clock, promise, held)
  const later = (ms: number): Promise<void> => finish(new Promise((resolve) => clock.after(ms, resolve)))
  const made: World = {
    clock,
    stores: watched(first),
    async restart() {
      if (reopen === undefined) return
      await made.stores.close()
      made.stores = watched(await reopen())
    },
    finish,
    later,
    rest: () => later(restMs),
  }
  return made
}
