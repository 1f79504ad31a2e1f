import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStores } from '../../../src/stores/open.ts'
import type { EngineOptions, Stores } from '../../../src/stores/ports.ts'
import { openMemory, openMemoryQueue } from '../../../src/stores/sqlite/memory.ts'

export const ENGINES = ['memory', 'memory saga', 'sqlite', 'sqlite saga'] as const
export type Engine = (typeof ENGINES)[number]

/** Where one service keeps its data, through every process that opens it. */
export interface Place {
  /** Opens the stores for the next process. */
  open(): Promise<Stores>
  /** The process is killed: what it has written stays as it is, nothing is brought to an end. */
  crash(stores: Stores): Promise<void>
  remove(): void
}

export function placeOf(engine: Engine, options: EngineOptions): Place {
  if (engine === 'memory') return inMemory(openMemory(options))
  if (engine === 'memory saga') {
    return inMemory({ ...openMemory(options), queue: openMemoryQueue(options), intake: null })
  }
  return inFiles(engine === 'sqlite' ? ['all.db'] : ['formulas.db', 'events.db'], options)
}

/** Closing them would be their end, so a process that ends leaves them open. */
function inMemory(stores: Stores): Place {
  const open = async (): Promise<Stores> => ({ ...stores, close: async () => {} })
  return { open, crash: async () => {}, remove: () => void stores.close() }
}

/** Syncing is tested elsewhere: files in memory do, where the system has them. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

function inFiles([database = '', queue = database]: string[], options: EngineOptions): Place {
  const folder = mkdtempSync(join(ROOT, 'formulas-model-'))
  const locate = (name: string) => ({ engine: 'sqlite', path: join(folder, name) }) as const
  const killed = join(folder, 'killed')
  const warn = (message: string): void => {
    throw new Error(message)
  }
  return {
    open: () => openStores({ database: locate(database), queue: locate(queue), options, warn }),
    // Closing would bring the log into the file, so what stood there before is put back afterwards.
    async crash(stores) {
      mkdirSync(killed)
      const names = readdirSync(folder).filter((name) => /\.db(-wal)?$/.test(name))
      for (const name of names) copyFileSync(join(folder, name), join(killed, name))
      await stores.close()
      for (const name of names) copyFileSync(join(killed, name), join(folder, name))
      rmSync(killed, { recursive: true })
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
