import pg from 'pg'
import type { Database } from './database.ts'

const CHANNEL = 'formula_intake_ready'
/** At most so often other instances are told, in milliseconds: while it commits, a notification holds up all others. */
const NOTIFY_MS = 100
/** How long to wait until listening is tried again, in milliseconds. */
const LISTEN_AGAIN_MS = 5_000

/**
 * Tells whoever waits for events that there may be some: those of this instance at once, others by a notification. They
 * get lost when a connection breaks, and never come through a pooler in transaction mode: a hint, not a promise.
 */
export class ReadyNotifier {
  readonly #database: Database
  /** Tells its own notifications from those of others. */
  readonly #instance: string
  readonly #listeners = new Set<() => void>()
  #client: pg.Client | undefined
  #notifying: NodeJS.Timeout | undefined
  #again: NodeJS.Timeout | undefined
  #closed = false

  constructor(database: Database, instance: string) {
    this.#database = database
    this.#instance = instance
  }

  /** @returns stops it */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    if (this.#client === undefined) this.#connect()
    return () => this.#listeners.delete(listener)
  }

  give(): void {
    this.#tell()
    this.#notifying ??= setTimeout(() => {
      this.#notifying = undefined
      if (this.#closed) return
      this.#database.query('SELECT pg_catalog.pg_notify($1, $2)', [CHANNEL, this.#instance]).catch(ignore)
    }, NOTIFY_MS).unref()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#notifying)
    clearTimeout(this.#again)
    await this.#client?.end().catch(ignore)
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  #connect(): void {
    if (this.#closed) return
    const client = new pg.Client(this.#database.connection)
    this.#client = client
    client.on('notification', ({ payload }) => {
      if (payload !== this.#instance) this.#tell()
    })
    client.on('error', ignore)
    client.once('end', () => {
      if (!this.#closed) this.#again = setTimeout(() => this.#connect(), LISTEN_AGAIN_MS).unref()
    })
    client
      .connect()
      .then(() => client.query(`LISTEN ${CHANNEL}`))
      .catch(() => client.end().catch(ignore))
  }
}

function ignore(): void {
  // Polling is the truth.
}
