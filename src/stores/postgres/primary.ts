import pg from 'pg'
import { StoreUnavailable } from '../../errors/store-errors.ts'
import { reasonOf } from '../../kit/reason.ts'
import type { NamedServers } from './server-url.ts'

/** How long a server may take to connect, and to say whether it is the primary, in milliseconds each. */
const ASK_MS = 2_000
/** The message of pg when a server does not offer encryption. */
const NO_TLS = 'The server does not support SSL connections'

/** A primary may be read-only too, by its settings. The name of a log file begins with the timeline. */
const ASK = `
SELECT pg_catalog.current_setting('transaction_read_only') = 'off' AS "isWritable",
  CASE WHEN NOT pg_catalog.pg_is_in_recovery()
    THEN pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END AS timeline`

/**
 * Finds the server to use among those of a URL: the primary. After a failover the old one may accept writes until it
 * learns that it was replaced; the new one has a newer timeline.
 */
export class Primary {
  readonly #servers: NamedServers
  /** The newest timeline that was seen. */
  #timeline = 0
  #found: Promise<pg.ClientConfig> | undefined

  constructor(servers: NamedServers) {
    this.#servers = servers
  }

  /**
   * Asks all servers at once, unless one was found and not lost since.
   * @throws {StoreUnavailable} when none will do
   */
  find(): Promise<pg.ClientConfig> {
    this.#found ??= this.#search().catch((error) => {
      this.#found = undefined
      throw error
    })
    return this.#found
  }

  /** To be called when a connection failed, or the server accepts no writes any more. */
  lost(): void {
    this.#found = undefined
  }

  async #search(): Promise<pg.ClientConfig> {
    const { configs, mustBeWritable, allowsPlaintext } = this.#servers
    const [only] = configs
    if (only && configs.length === 1 && !mustBeWritable && !allowsPlaintext) return only
    try {
      return await Promise.any(configs.map((config) => this.#ask(config)))
    } catch (error) {
      const { errors } = error as AggregateError
      const cause = errors.find((error) => error instanceof pg.DatabaseError) ?? errors[0]
      throw new StoreUnavailable(`PostgreSQL: ${errors.map(reasonOf).join('; ')}`, { cause })
    }
  }

  /** @returns the server's options; without encryption from now on, where it offers none and need not */
  async #ask(config: pg.ClientConfig): Promise<pg.ClientConfig> {
    const client = new pg.Client({ ...config, connectionTimeoutMillis: ASK_MS, query_timeout: ASK_MS })
    client.on('error', () => {})
    try {
      await client.connect()
      if (this.#servers.mustBeWritable) this.#check(client, (await client.query(ASK)).rows[0])
      return config
    } catch (error) {
      if (!this.#servers.allowsPlaintext || reasonOf(error) !== NO_TLS) throw error
      config.ssl = false
      return await this.#ask(config)
    } finally {
      client.end().catch(() => {})
    }
  }

  #check({ host, port }: pg.Client, { isWritable, timeline }: { isWritable: boolean; timeline: string | null }): void {
    if (!isWritable) throw new Error(`${host}:${port} accepts no writes`)
    const number = Number.parseInt(timeline ?? '0', 16)
    if (number < this.#timeline) throw new Error(`${host}:${port} is no longer the primary`)
    this.#timeline = number
  }
}
