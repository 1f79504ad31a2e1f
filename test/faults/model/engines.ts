import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openStores } from '../../../src/stores/open.ts'
import type { EngineOptions, Stores } from '../../../src/stores/ports.ts'
import { FAST, memoryStores } from '../stores.ts'

export const ENGINES = ['memory', 'memory saga', 'sqlite', 'sqlite saga'] as const
export type Engine = (typeof ENGINES)[number]

/** The data of one service, through all its processes. */
export interface Storage {
  /** Opens the stores for the next process. */
  open(): Promise<Stores>
  /** Ends the use of the stores as a kill does: the files stay as they are, without a checkpoint. */
  crash(stores: Stores): Promise<void>
  remove(): void
}

export function storageOf(engine: Engine, options: EngineOptions): Storage {
  if (engine === 'memory') return inMemory(memoryStores('one transaction', options))
  if (engine === 'memory saga') return inMemory(memoryStores('saga', options))
  return inFiles(engine === 'sqlite' ? ['all.db'] : ['formulas.db', 'events.db'], options)
}

/** Closing memory stores deletes them, so `close` does nothing until `remove`. */
function inMemory(stores: Stores): Storage {
  const open = async (): Promise<Stores> => ({ ...stores, close: async () => {} })
  return { open, crash: async () => {}, remove: () => void stores.close() }
}

function inFiles([database = '', queue = database]: string[], options: EngineOptions): Storage {
  const folder = mkdtempSync(join(FAST, 'formulas-model-'))
  const locate = (name: string) => ({ engine: 'sqlite', path: join(folder, name) }) as const
  const killed = join(folder, 'killed')
  const warn = (message: string): void => {
    throw new Error(message)
  }
  return {
    open: () => openStores({ database: locate(database), queue: locate(queue), options, warn }),
    // Closing checkpoints the write-ahead log, so the files are copied before and put back afterwards.
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
