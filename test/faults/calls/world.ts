import { join } from 'node:path'
import type { Test } from 'tap'
import { openMemory, openMemoryQueue } from '../../../src/stores/memory/engine.ts'
import { openStores } from '../../../src/stores/open.ts'
import type { Stores } from '../../../src/stores/ports.ts'
import { passTime } from '../../submission/bench.ts'
import { TestClock } from '../../test-clock.ts'
import { scratch } from '../scratch.ts'
import { eachPort } from './ports.ts'

export const ENGINES = ['memory', 'sqlite'] as const
export type Engine = (typeof ENGINES)[number]
export const WAYS = ['one transaction', 'saga'] as const
export type Way = (typeof WAYS)[number]

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
}

interface WorldOptions {
  engine: Engine
  way: Way
  maxReceives?: number
}

/** Opens a world with empty stores; it ends with the test. */
export async function openWorld(t: Test, { engine, way, maxReceives = 5 }: WorldOptions): Promise<World> {
  const clock = new TestClock()
  const options = { clock, answerTtlMs: 86_400_000, maxReceives }
  const folder = scratch(t)
  const location = (name: string) => ({ engine: 'sqlite' as const, path: join(folder, name) })
  const open = (): Promise<Stores> =>
    openStores({
      database: location('formulas.db'),
      queue: location(way === 'saga' ? 'events.db' : 'formulas.db'),
      options,
      warn: () => {},
    })
  const made = engine === 'memory' ? world(clock, inMemory(way, options)) : world(clock, await open(), open)
  t.teardown(() => made.stores.close())
  return made
}

function inMemory(way: Way, options: Parameters<typeof openMemory>[0]): Stores {
  const memory = openMemory(options)
  return way === 'saga' ? { ...memory, queue: openMemoryQueue(options), intake: null } : memory
}

function world(clock: TestClock, first: Stores, reopen?: () => Promise<Stores>): World {
  let atWork = 0
  const watched = (stores: Stores): Stores =>
    eachPort(stores, async (call) => {
      atWork++
      return call().finally(() => atWork--)
    })
  const finish = <T>(promise: Promise<T>): Promise<T> => passTime(clock, promise, () => atWork > 0)
  const made: World = {
    clock,
    stores: watched(first),
    async restart() {
      if (reopen === undefined) return
      await made.stores.close()
      made.stores = watched(await reopen())
    },
    finish,
    later: (ms) => finish(new Promise<void>((resolve) => clock.after(ms, resolve))),
  }
  return made
}
