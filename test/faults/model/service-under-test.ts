import type { FastifyInstance, InjectOptions } from 'fastify'
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'
import type { Stores } from '../../../src/stores/ports.ts'
import type { Answer } from '../../support/http/service.ts'
import { TestClock } from '../../support/test-clock.ts'
import { type Engine, type Storage, storageOf } from './engines.ts'
import { type Death, ProcessStores } from './process-stores.ts'

export const TTL_MS = 3_600_000
export const MAX_RECEIVES = 2
export const LEASE_SECONDS = 30
const config = readConfig({
  DATABASE_URL: 'memory:',
  IDEMPOTENCY_TTL_HOURS: `${TTL_MS / 3_600_000}`,
  EVENT_MAX_RECEIVES: `${MAX_RECEIVES}`,
  EVENT_LEASE_SECONDS: `${LEASE_SECONDS}`,
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
  /** How many commands were run. */
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

  /** Ends the process as a signal does, and starts the next. */
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
