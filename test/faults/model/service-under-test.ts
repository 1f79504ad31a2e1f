import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'
import { openStores } from '../../../src/stores/open.ts'
import type { EngineOptions, Stores } from '../../../src/stores/ports.ts'
import type { Answer } from '../../support/http/service.ts'
import { TestClock } from '../../support/test-clock.ts'
import { FAST, memoryStores } from '../stores.ts'
import { type Death, ProcessStores } from './process-stores.ts'

export const TTL_MS = 3_600_000
export const MAX_RECEIVES = 2
export const LEASE_SECONDS = 30
const config = readConfig({
  DATABASE_URL: 'memory:',
  IDEMPOTENCY_TTL_HOURS: `${TTL_MS / 3_600_000}`,
  EVENT_MAX_RECEIVES: `${MAX_RECEIVES}`,
  EVENT_LEASE_SECONDS: `${LEASE_SECONDS}`,
  // The model keeps every event.
  EVENT_RETENTION_HOURS: '8760',
})

/** Once all calls are done, an answer comes within this many turns of the event loop. */
const PATIENCE_TURNS = 100

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Process {
  app: FastifyInstance
  port: ProcessStores
  stores: Stores
}

/** The real service on one engine and a test clock, through all its processes. */
export class ServiceUnderTest {
  readonly clock = new TestClock()
  /** The number of commands run. */
  steps = 0
  readonly #storage: Storage
  #process: Process | undefined

  constructor(engine: Engine) {
    this.#storage = storageOf(engine, { clock: this.clock, answerTtlMs: TTL_MS, maxReceives: MAX_RECEIVES })
  }

  async start(): Promise<void> {
    const stores = await this.#storage.open()
    const port = new ProcessStores(stores, this.clock)
    const app = buildApp(config, { clock: port.clock, random: () => 0.5, stores: port.stores })
    this.#process = { app, port, stores }
    await app.ready()
  }

  send(request: InjectOptions): Promise<Answer> {
    return this.#running.app.inject(request)
  }

  /** Sends a request to a process that dies at one of its calls. @returns its answer; null when it died first */
  async sendDying(request: InjectOptions, death: Death): Promise<Answer | null> {
    const { app, port } = this.#running
    port.plan(death)
    const answer = await Promise.race([app.inject(request), port.death.promise.then(() => null)])
    await this.settle()
    port.plan(null)
    if (port.dead) await this.crash()
    return answer
  }

  /** Waits for an answer that has to come without time passing. */
  async answered(asked: Promise<Answer>): Promise<Answer> {
    await this.settle()
    const unanswered = async (): Promise<never> => {
      for (let turns = 0; turns < PATIENCE_TURNS; turns++) await turn()
      throw new Error('The request is not answered')
    }
    return Promise.race([asked, unanswered()])
  }

  /** Advances the clock, and waits until background work is done. */
  async passTime(ms: number): Promise<void> {
    this.clock.advance(ms)
    await this.settle()
  }

  /** Waits until no call to a store is pending. */
  async settle(): Promise<void> {
    const { port } = this.#running
    for (let quiet = 0; quiet < 3; quiet = port.pendingCalls > 0 ? 0 : quiet + 1) await turn()
  }

  /** Kills the process, and starts the next. */
  async crash(): Promise<void> {
    await this.settle()
    const { port, stores } = this.#running
    port.die()
    await this.#storage.crash(stores)
    await this.start()
  }

  /** Shuts the process down as on a signal, and starts the next. */
  async restart(): Promise<void> {
    await this.#running.app.close()
    await this.start()
  }

  async end(): Promise<void> {
    try {
      await this.#process?.app.close()
    } finally {
      this.#storage.remove()
    }
  }

  get #running(): Process {
    if (this.#process === undefined) throw new Error('The service has not been started')
    return this.#process
  }
}

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
