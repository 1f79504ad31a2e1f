import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { Binaries } from './binaries.ts'
import { Cluster, type Settings, SUPERUSER } from './cluster.ts'

export interface PostgresOptions {
  /** Whether commits reach the disk, as shipped; false is faster, for tests that lose nothing by it. */
  durable?: boolean
  /** Whether its files are in memory where that can be; they are when it is not durable. A crash leaves them as they are. */
  inMemory?: boolean
  /** More of postgresql.conf, such as `max_connections`. */
  settings?: Settings
  /** Default: en-US. An ICU locale does not sort by code point, as on most servers; `C` does. */
  locale?: string
  /** Default: the PostgreSQL from npm. */
  binaries?: Binaries
}

/** A PostgreSQL server to test against. */
export interface PostgresServer {
  /** Whether it may be crashed and frozen: not where TEST_DATABASE_URL names it. The methods below throw then. */
  readonly isOurs: boolean
  /** The URL of a database; default: `postgres`, which every server has. */
  url(database?: string): string
  /** @returns the URL of a new, empty database */
  createDatabase(name?: string): Promise<string>
  /** Ends the server and removes its files; or only the databases, where it is not ours. */
  stop(): Promise<void>
  /** Process id of the postmaster. */
  readonly pid: number
  /** Stops it at once, without a checkpoint. */
  crash(): Promise<void>
  /** Restarts it after a crash, at the same URL. */
  start(): Promise<void>
  /** A crash and a start. */
  restartImmediately(): Promise<void>
  /** Freezes all its processes: connections stay open, and nothing answers. */
  freeze(): void
  thaw(): void
  /** Restarts it on a new timeline, as a standby that becomes the primary. */
  promote(): Promise<void>
  /** Refuses writes with SQLSTATE 25006 as a server does that is no longer the primary one; also on open connections. */
  setReadOnly(isReadOnly: boolean): Promise<void>
}

/**
 * Starts a PostgreSQL of its own in a temporary folder, which goes with this process at the latest. Where
 * TEST_DATABASE_URL is set, its databases are made on the server that it names.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const external = process.env.TEST_DATABASE_URL
  if (external !== undefined && external !== '') return new ExternalServer(external)
  const { durable = true, inMemory = !durable, settings = {}, locale = 'en-US', binaries } = options
  const durability = durable ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }
  return new OwnServer(await Cluster.start({ ...durability, ...settings }, locale, inMemory, binaries))
}

/**
 * Runs a statement on a connection of its own.
 * @returns the rows
 */
export async function query<Row>(url: string, statement: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  // A server that crashes ends the connection; what was asked for is rejected anyway.
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(statement, values)).rows
  } finally {
    await client.end()
  }
}

/** The URL of a database at a port of this machine, as the superuser of our servers; default: `postgres`. */
export function urlAt(port: number, database = 'postgres'): string {
  const { user, password } = SUPERUSER
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}`
}

/** Changes a setting of a server, also for open connections. */
export async function changeSetting(url: string, name: string, value: string): Promise<void> {
  await query(url, `ALTER SYSTEM SET ${quoted(name)} = ${pg.escapeLiteral(value)}`)
  await query(url, 'SELECT pg_reload_conf()')
  // Once a new connection has the setting, all others have it too.
  for (;;) {
    const [row] = await query<{ setting: string }>(url, 'SELECT setting FROM pg_settings WHERE name = $1', [name])
    if (row?.setting === value) return
    await pause(5)
  }
}

/** Fresh names, which nobody's own databases have. */
const freshName = (): string => `formula_test_${randomBytes(8).toString('hex')}`
const quoted = (name: string): string => pg.escapeIdentifier(name)

class OwnServer implements PostgresServer {
  readonly isOurs = true
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  get pid(): number {
    return this.#cluster.pid
  }

  url(database?: string): string {
    return urlAt(this.#cluster.port, database)
  }

  async createDatabase(name = freshName()): Promise<string> {
    await query(this.url(), `CREATE DATABASE ${quoted(name)}`)
    return this.url(name)
  }

  stop = (): Promise<void> => this.#cluster.remove()
  crash = (): Promise<void> => this.#cluster.crash()
  start = (): Promise<void> => this.#cluster.start()
  freeze = (): void => this.#cluster.freeze()
  thaw = (): void => this.#cluster.thaw()
  promote = (): Promise<void> => this.#cluster.promote()

  async restartImmediately(): Promise<void> {
    await this.crash()
    await this.start()
  }

  setReadOnly = (isReadOnly: boolean): Promise<void> =>
    changeSetting(this.url(), 'default_transaction_read_only', isReadOnly ? 'on' : 'off')
}

class ExternalServer implements PostgresServer {
  readonly isOurs = false
  readonly #url: string
  readonly #databases: string[] = []

  constructor(url: string) {
    this.#url = url
  }

  url(database?: string): string {
    const url = new URL(this.#url)
    if (database !== undefined) url.pathname = `/${database}`
    return url.href
  }

  async createDatabase(name = freshName()): Promise<string> {
    await query(this.url(), `CREATE DATABASE ${quoted(name)}`)
    this.#databases.push(name)
    return this.url(name)
  }

  async stop(): Promise<void> {
    for (const name of this.#databases.splice(0)) {
      await query(this.url(), `DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`)
    }
  }

  get pid(): never {
    return this.#refuse()
  }

  crash = (): never => this.#refuse()
  start = (): never => this.#refuse()
  restartImmediately = (): never => this.#refuse()
  freeze = (): never => this.#refuse()
  thaw = (): never => this.#refuse()
  promote = (): never => this.#refuse()
  setReadOnly = (): never => this.#refuse()

  #refuse(): never {
    throw new Error('TEST_DATABASE_URL names a server that is not ours to crash, freeze or change')
  }
}
