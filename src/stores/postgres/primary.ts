import pg from 'pg'
import { StoreUnavailable } from '../../errors/store-errors.ts'
import { reasonOf } from '../../kit/reason.ts'
import { Client } from './client.ts'
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

/** The identifier of a cluster begins with the time at which it was made. */
const ASK_CLUSTER = `
SELECT pg_catalog.lpad(pg_catalog.to_hex(system_identifier), 16, '0') AS cluster FROM pg_catalog.pg_control_system()`
const NO_CLUSTER = '0'.repeat(16)

/** A usable server. */
interface Answer {
  config: pg.ClientConfig
  /** Its cluster and its timeline as hexadecimal digits, greater when newer; empty where nobody asks for the primary. */
  generation: string
}

/**
 * Finds the server to use among those of a URL: the primary. After a failover the old one may accept writes until it
 * learns that it was replaced; the new one has a newer timeline, or is of a newer cluster, where timelines begin anew:
 * `pg_upgrade` makes one.
 */
export class Primary {
  readonly #servers: NamedServers
  /** The newest generation that was seen. */
  #newest = NO_CLUSTER
  #found: Promise<pg.ClientConfig> | undefined
  #again: Promise<pg.ClientConfig> | undefined

  constructor(servers: NamedServers) {
    this.#servers = servers
  }

  /**
   * Asks all servers at once, unless one was found and not lost since.
   * @throws {StoreUnavailable} when none is usable
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

  /**
   * Searches again while a statement hangs: another server may have been promoted.
   * @param server the one that takes long
   * @returns whether another is used from now on; false also when none is usable
   */
  async isReplaced(server: pg.ClientConfig): Promise<boolean> {
    if (!this.#servers.mustBeWritable) return false
    this.#again ??= this.#search().finally(() => {
      this.#again = undefined
    })
    const again = this.#again
    try {
      const isAnother = (await again) !== server
      if (isAnother) this.#found = again
      return isAnother
    } catch {
      return false
    }
  }

  /** Uses a server that is newer than all seen before as soon as it answers; without one, waits for all. */
  async #search(): Promise<pg.ClientConfig> {
    const { configs, mustBeWritable, allowsPlaintext } = this.#servers
    const [only] = configs
    if (only && configs.length === 1 && !mustBeWritable && !allowsPlaintext) return only
    const before = this.#newest
    const asked = configs.map((config) => this.#ask(config))
    const newer = asked.map(async (answer) => {
      const { config, generation } = await answer
      if (before === NO_CLUSTER || generation <= before) throw new Error('Not newer')
      return config
    })
    return Promise.any(newer).catch(() => this.#newestOf(asked))
  }

  /** Waits for all answers: the first may be that of a primary which was replaced. */
  async #newestOf(asked: Promise<Answer>[]): Promise<pg.ClientConfig> {
    const outcomes = await Promise.allSettled(asked)
    const answers = outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ value }) => value)
    const [newest] = answers.toSorted((a, b) => b.generation.localeCompare(a.generation))
    if (newest !== undefined) return newest.config
    const errors = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason)
    const cause = errors.find((error) => error instanceof pg.DatabaseError) ?? errors[0]
    throw new StoreUnavailable(`PostgreSQL: ${errors.map(reasonOf).join('; ')}`, { cause })
  }

  /** Asks without encryption from now on, where the server offers none and need not. */
  async #ask(config: pg.ClientConfig): Promise<Answer> {
    const client = new Client({ ...config, connectionTimeoutMillis: ASK_MS, query_timeout: ASK_MS })
    client.on('error', () => {})
    try {
      await client.connect()
      if (!this.#servers.mustBeWritable) return { config, generation: '' }
      return { config, generation: await this.#check(client) }
    } catch (error) {
      if (!this.#servers.allowsPlaintext || reasonOf(error) !== NO_TLS) throw error
      config.ssl = false
      return await this.#ask(config)
    } finally {
      client.end().catch(() => {})
    }
  }

  /** @returns its generation */
  async #check(client: Client): Promise<string> {
    const { isWritable, timeline } = (await client.query(ASK)).rows[0]
    const server = `${client.host}:${client.port}`
    if (!isWritable) throw new Error(`${server} accepts no writes`)
    const generation = `${await this.#clusterOf(client)}${timeline ?? ''}`
    if (generation < this.#newest) throw new Error(`${server} is no longer the primary`)
    this.#newest = generation
    return generation
  }

  /** @returns its identifier; the last one that was seen, where everyone's right to ask was revoked */
  async #clusterOf(client: Client): Promise<string> {
    try {
      return (await client.query(ASK_CLUSTER)).rows[0].cluster
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error
      return this.#newest.slice(0, NO_CLUSTER.length)
    }
  }
}
