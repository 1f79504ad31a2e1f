import { type Clock, sleep } from '../../kit/clock.ts'
import { Client } from './client.ts'
import type { Database } from './database.ts'

/**
 * What is deleted stays in the tables until a vacuum. It also reads every index, even where few rows are dead. A role
 * that may not vacuum a table gets a warning, which nobody sees.
 */
const VACUUM = `VACUUM (INDEX_CLEANUP ON) formula_intake.formulas, formula_intake.events, formula_intake.deliveries,
  formula_intake.held, formula_intake.intents`

/**
 * How long a vacuum may take, in milliseconds. The server completes one that takes longer; the limit is for a server that
 * hangs for good. (One that is gone is noticed by the keep-alive of the connection.)
 */
const VACUUM_MS = 3_600_000
/** How long to wait after a vacuum that failed, in milliseconds. */
const RETRY_MS = 60_000
/** The database has no VACUUM, or it was cancelled, by an operator or a `statement_timeout`: that may happen every time. */
const FINAL = /^(?:0A|42|57014)/

/** Vacuums after erasures, one vacuum at a time: many erasures share one. */
export class Vacuum {
  readonly #database: Database
  readonly #clock: Clock
  readonly #closing = new AbortController()
  #client: Client | undefined
  #running = false
  #requested = false

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /** Starts a vacuum in the background, at once or after the running one. One that fails is repeated. */
  request(): void {
    this.#requested = true
    if (!this.#running) void this.#run()
  }

  /** Starts no more vacuums. Does not wait for the running one, which the server completes. */
  close(): void {
    this.#closing.abort()
    this.#client?.end().catch(ignore)
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    this.#running = true
    while (this.#requested && !signal.aborted) {
      this.#requested = false
      try {
        await this.#vacuum()
      } catch (error) {
        if (FINAL.test((error as { code?: string }).code ?? '')) continue
        this.#requested = true
        await sleep(this.#clock, RETRY_MS, signal)
      }
    }
    this.#running = false
  }

  /** Uses a connection of its own: VACUUM cannot run in a transaction, and takes longer than other statements may. */
  async #vacuum(): Promise<void> {
    const client = new Client({ ...(await this.#database.connection()), query_timeout: VACUUM_MS })
    if (this.#closing.signal.aborted) return
    this.#client = client
    client.on('error', ignore)
    try {
      await client.connect()
      await client.query(VACUUM)
    } finally {
      client.end().catch(ignore)
    }
  }
}

function ignore(): void {
  // The statement fails too.
}
