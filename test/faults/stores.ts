import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { EngineOptions, Stores } from '../../src/stores/ports.ts'
import { openMemory, openMemoryQueue } from '../../src/stores/sqlite/memory.ts'

/** Database and queue in one store, committed together, or in two stores. */
export const COMMIT_STRATEGIES = ['one transaction', 'saga'] as const
export type CommitStrategy = (typeof COMMIT_STRATEGIES)[number]

/** In memory where the system can: these files need not survive a power cut. */
export const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A folder for files that many runs create anew; removed after the test. */
export function scratch(t: Test): string {
  const folder = mkdtempSync(join(FAST, 'formulas-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The configuration of a service that keeps its SQLite files in a folder. */
export const filesIn = (folder: string, strategy: CommitStrategy): { DATABASE_URL: string; QUEUE_URL: string } => ({
  DATABASE_URL: `sqlite:${join(folder, 'data/formulas.db')}`,
  QUEUE_URL: `sqlite:${join(folder, strategy === 'saga' ? 'queue/events.db' : 'data/formulas.db')}`,
})

export function memoryStores(strategy: CommitStrategy, options: EngineOptions): Stores {
  const memory = openMemory(options)
  return strategy === 'saga' ? { ...memory, queue: openMemoryQueue(options), intake: null } : memory
}

/** Routes each call to a port through `through`. Subscriptions to hints (`onReady`) are not calls. */
export function eachPort(
  stores: Stores,
  through: (call: () => Promise<unknown>, name: string) => Promise<unknown>,
): Stores {
  const port = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const method = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        if (name === 'onReady') return method.bind(target)
        return (...args: unknown[]) => through(() => method.apply(target, args), String(name))
      },
    })
  const { db, queue, idempotency, cleanups, intake } = stores
  return {
    ...stores,
    db: port(db),
    queue: port(queue),
    idempotency: port(idempotency),
    cleanups: port(cleanups),
    intake: intake === null ? null : port(intake),
  }
}
