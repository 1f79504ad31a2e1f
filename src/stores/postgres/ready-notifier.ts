import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import { Client } from './client.ts'
import type { Database } from './database.ts'

const CHANNEL = 'formula_intake_ready'
/** The shortest time between notifications to other instances, in milliseconds: PostgreSQL serializes their commits. */
const NOTIFY_MS = 100
/** How long to wait before listening again, in milliseconds. */
const RECONNECT_MS = 5_000
/** How often to check that the server is still the one in use, in milliseconds. */
const CHECK_MS = 5_000

/**
 * Wakes up long polls when events may be ready: those of this instance at once, others by a notification. Notifications
 * are lost when a connection breaks and never pass a pooler in transaction mode: a hint, not a promise. The
 * profile `portable` does without them.
 */
export class ReadyNotifier {
  readonly #database: Database
  /** Sent with each notification, to recognise this instance's own. */
  readonly #instance = randomUUID()
  readonly #listeners = new Set<() => void>()
  #client: Client | undefined
  #isListening = false
  #notifying: NodeJS.Timeout | undefined
  #closed = false

  constructor(database: Database) {
    this.#database = database
  }

  /** @returns a function that removes the listener */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    if (!this.#isListening && !this.#database.isPortable) void this.#keepListening()
    return () => this.#listeners.delete(listener)
  }

  notify(): void {
    this.#wakeUp()
    if (this.#database.isPortable) return
    this.#notifying ??= setTimeout(() => {
      this.#notifying = undefined
      if (this.#closed) return
      this.#database.query('SELECT pg_catalog.pg_notify($1, $2)', [CHANNEL, this.#instance]).catch(ignore)
    }, NOTIFY_MS).unref()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#notifying)
    await this.#client?.end().catch(ignore)
  }

  #wakeUp(): void {
    for (const listener of this.#listeners) listener()
  }

  async #keepListening(): Promise<void> {
    this.#isListening = true
    while (!this.#closed) {
      await this.#listen().catch(ignore)
      await pause(RECONNECT_MS, undefined, { ref: false })
    }
  }

  /** Listens until the connection ends. */
  async #listen(): Promise<void> {
    const server = await this.#database.connection()
    if (this.#closed) return
    const client = new Client(server)
    this.#client = client
    const checking = setInterval(() => this.#endIfReplaced(client, server), CHECK_MS).unref()
    const ended = new Promise((resolve) => client.once('end', resolve))
    client.on('error', ignore)
    client.on('notification', ({ payload }) => {
      if (payload !== this.#instance) this.#wakeUp()
    })
    try {
      await client.connect()
      // In a session that a pooler shares, LISTEN would stay behind, and reach its other clients.
      if (await hasOwnSession(client)) await client.query(`LISTEN ${CHANNEL}`)
      await ended
    } finally {
      clearInterval(checking)
      client.end().catch(ignore)
    }
  }

  /** Ends the connection once another server is in use: one that was replaced may be dead, and never end it. */
  async #endIfReplaced(client: Client, server: pg.ClientConfig): Promise<void> {
    const used = await this.#database.connection().catch(() => server)
    if (used !== server) await client.end().catch(ignore)
  }
}

/** Whether the session is that of the process which the server named at the connect: a pooler names another. */
async function hasOwnSession(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid')
  // The types do not have it.
  return rows[0]?.pid === (client as Client & { processID: number }).processID
}

function ignore(): void {
  // Not needed: consumers also poll.
}
