import pg from 'pg'
import { StoreRefused, StoreUnavailable, UnknownSubscription } from '../../errors/store-errors.ts'
import { type Clock, systemClock } from '../../kit/clock.ts'
import { reasonOf } from '../../kit/reason.ts'
import { Client } from './client.ts'
import { Primary } from './primary.ts'
import { readServerUrl } from './server-url.ts'

/** Connections per instance, not counting the one that listens for notifications. */
const MAX_CONNECTIONS = 10
/** How long to wait for a new or a free connection, in milliseconds. */
const CONNECT_MS = 5_000
/** How long a statement may take, in milliseconds; its connection is then dropped. */
const STATEMENT_MS = 10_000
/** How often to look for another primary while one does not answer, in milliseconds. */
const DOUBT_MS = 2_000
/** The server's time limit for a statement in `read`, in milliseconds. */
const READ_MS = 2_000
/** Explicit, as the default may differ: after waiting for a lock, a statement must see what was committed meanwhile. */
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED'
const READ_PORTABLY = `${BEGIN} READ ONLY; SET LOCAL statement_timeout = ${READ_MS}`
const READ = `${READ_PORTABLY}; SET LOCAL enable_seqscan = off`
/** Maximum number of attempts at a transaction that collides with others. */
const MAX_ATTEMPTS = 3

/** A unique value already exists: nothing was changed. */
export class UniqueViolation extends Error {
  override name = 'UniqueViolation'
}

/** The database cannot represent a value, for example text with NUL: nothing was changed, and no row has that value. */
export class Unstorable extends Error {
  override name = 'Unstorable'
}

const UNIQUE_VIOLATION = '23505'
const DATA_EXCEPTION = /^22/
/** Deadlock, and a serialization failure as distributed databases report it: a retry succeeds. */
const COLLISION = new Set(['40P01', '40001'])
/** Raised by our functions before they change anything: the transaction is not READ COMMITTED. */
export const OTHER_ISOLATION = 'FI001'
/** Raised by our functions; the message is the name of the subscription. */
export const NO_SUBSCRIPTION = 'FI404'
/** The server is shutting down, gone, or demoted to a standby: a new connection may reach one that accepts writes. */
const CONNECTION_LOST = /^(08|57P0|25006)/

export type Row = Record<string, unknown>
type Values = readonly unknown[]

/** Runs one statement within a transaction. */
export type Query = (text: string, values?: Values) => Promise<Row[]>

/** Makes the transaction durable where the server would answer before its disk has it; stricter settings stay. */
export const DURABLE = `pg_catalog.set_config('synchronous_commit',
  CASE pg_catalog.current_setting('synchronous_commit')
    WHEN 'off' THEN 'on' ELSE pg_catalog.current_setting('synchronous_commit') END, true)`

/**
 * For a transaction that found nothing and changes nothing: makes its commit wait for the standby as that of a write does,
 * by a lock on a row that nobody else waits for. A primary that was replaced cannot commit it, so it cannot say that
 * something is missing which its successor has. Follows SELECT or PERFORM.
 */
export const CONFIRMED = `${DURABLE} FROM formula_intake.identity WHERE single FOR KEY SHARE`

/**
 * The given time, or the database's when that is null, in milliseconds since the epoch. The database's clock lets
 * instances with different clocks agree on when a lease ends; tests give a time.
 * @param clock `statement`: when the statement began; `clock`: when the expression is evaluated
 */
export const givenOrNow = (given: string, clock: 'statement' | 'clock' = 'statement'): string =>
  `coalesce(${given},
  pg_catalog.floor(extract(epoch FROM pg_catalog.${clock}_timestamp()) OPERATOR(pg_catalog.*) 1000)::bigint)`

/** The time of a statement whose `$1` is a `GivenTime`. */
export const NOW = givenOrNow('$1::bigint')

/** Deletes up to `$2` rows, oldest first, and skips locked ones. Returns a row for each. */
export const sweepOf = (table: string, { key, where, oldestBy }: { key: string; where: string; oldestBy: string }) => `
DELETE FROM formula_intake.${table}
WHERE ${key} = ANY (ARRAY(
  SELECT ${key} FROM formula_intake.${table} WHERE ${where} ORDER BY ${oldestBy} LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1`

/** The time to send to the database; null to let it take its own. */
export type GivenTime = () => number | null

/** Tests send the time of their own clock. The service sends none, because instances must agree on the database's time. */
export const givenTime = (clock: Clock): GivenTime => (clock === systemClock ? () => null : () => clock.now())

/** One array per column, as `unnest` takes them. */
export const columnsOf = <R extends object>(rows: R[], ...names: (keyof R)[]): unknown[][] =>
  names.map((name) => rows.map((row) => row[name]))

const INT8 = 20
const INT8_ARRAY = 1016
/** Our counts, times and sequence numbers are safe integers. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') => {
    if (oid === INT8) return Number
    if (oid === INT8_ARRAY) return (text: string) => JSON.parse(`[${text.slice(1, -1)}]`)
    return pg.types.getTypeParser(oid, format)
  }) as typeof pg.types.getTypeParser,
}

const CONNECTION: pg.ClientConfig = {
  application_name: 'formula-intake',
  connectionTimeoutMillis: CONNECT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
}

function poolOf(connection: pg.ClientConfig): pg.Pool {
  const options = { max: MAX_CONNECTIONS, query_timeout: STATEMENT_MS, idleTimeoutMillis: 30_000, types, Client }
  const pool = new pg.Pool({ ...connection, ...options })
  pool.on('error', ignore)
  // The pool handles errors of idle connections only: one on a connection in use would crash the process.
  pool.on('connect', (client) => client.on('error', ignore))
  return pool
}

/**
 * Connections to the primary. They keep no session state, not even prepared statements, so a pooler in transaction mode
 * may sit in between. Failed connections are replaced and never end the process.
 */
export class Database {
  /** See `NamedServers`. */
  readonly isPortable: boolean
  readonly #primary: Primary
  #pool: { server: pg.ClientConfig; connections: pg.Pool } | undefined
  /** Whether READ COMMITTED is the default isolation level, as PostgreSQL ships. */
  #isReadCommitted = true

  constructor(url: string) {
    const servers = readServerUrl(url)
    this.isPortable = servers.isPortable
    const configs = servers.configs.map((config) => ({ ...CONNECTION, ...config }))
    this.#primary = new Primary({ ...servers, configs })
  }

  /** @returns the options of a connection to the primary: the same object until another server is found */
  connection(): Promise<pg.ClientConfig> {
    return this.#primary.find()
  }

  /**
   * Runs one statement as its own transaction.
   * @throws {UniqueViolation} nothing was changed
   * @throws {Unstorable} nothing was changed
   * @throws {StoreUnavailable} the outcome is unknown
   */
  query(text: string, values: Values = []): Promise<Row[]> {
    return this.#retrying((client) =>
      this.#isReadCommitted ? run(client, text, values) : inTransaction(client, BEGIN, (query) => query(text, values)),
    )
  }

  /** Like `query`. @returns the first column of the first row; undefined when there is no row */
  async value<T>(text: string, values: Values = []): Promise<T | undefined> {
    const [row = {}] = await this.query(text, values)
    return Object.values(row)[0] as T | undefined
  }

  /** Like `query`, without a result. */
  async execute(text: string, values: Values = []): Promise<void> {
    await this.query(text, values)
  }

  /** Calls one of our functions in the database. @returns its result */
  call<T>(name: string, ...values: Values): Promise<T | undefined> {
    const parameters = values.map((_, index) => `$${index + 1}`)
    return this.value(`SELECT formula_intake.${name}(${parameters})`, values)
  }

  /** Reads the default isolation level. If it changes later, our functions raise `OTHER_ISOLATION`. */
  async checkIsolation(): Promise<void> {
    const isolation = await this.value(`SELECT pg_catalog.current_setting('transaction_isolation')`)
    this.#isReadCommitted = isolation === 'read committed'
  }

  /**
   * Runs several statements in one durable transaction.
   * @throws {UniqueViolation} nothing was changed
   * @throws {Unstorable} nothing was changed
   * @throws {StoreUnavailable} the outcome is unknown
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return this.#retrying((client) => inTransaction(client, `${BEGIN}; SELECT ${DURABLE}`, work))
  }

  /**
   * Runs several reads in one read-only transaction. Without the profile `portable`, the planner avoids sequential
   * scans, so each read needs an index. The server ends a statement that takes longer than `READ_MS`.
   * @throws {Unstorable}
   * @throws {StoreUnavailable}
   */
  read<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return this.#retrying((client) => inTransaction(client, this.isPortable ? READ_PORTABLY : READ, work))
  }

  async close(): Promise<void> {
    await this.#pool?.connections.end()
  }

  async #retrying<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(work)
      } catch (error) {
        if (error instanceof StoreRefused) throw error
        const code = codeOf(error)
        const message = `PostgreSQL: ${reasonOf(error) || code}`
        if (code === UNIQUE_VIOLATION) throw new UniqueViolation(message, { cause: error })
        if (code === NO_SUBSCRIPTION) throw new UnknownSubscription((error as Error).message)
        if (DATA_EXCEPTION.test(code)) throw new Unstorable(message, { cause: error })
        if (code === OTHER_ISOLATION) this.#isReadCommitted = false
        if ((COLLISION.has(code) || code === OTHER_ISOLATION) && attempt < MAX_ATTEMPTS) continue
        throw new StoreUnavailable(message, { cause: error })
      }
    }
  }

  async #once<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const { client, server } = await this.#connect()
    const doubting = setInterval(() => this.#endIfReplaced(client, server), DOUBT_MS)
    let broken = false
    try {
      return await work(client)
    } catch (error) {
      broken = isBroken(error)
      if (broken) this.#primary.lost()
      throw error
    } finally {
      clearInterval(doubting)
      client.release(broken)
    }
  }

  /** Ends a statement that hangs on a server which is no longer the primary. */
  async #endIfReplaced(client: pg.PoolClient, server: pg.ClientConfig): Promise<void> {
    if (await this.#primary.isReplaced(server)) (client as unknown as pg.Client).end().catch(ignore)
  }

  async #connect(): Promise<{ client: pg.PoolClient; server: pg.ClientConfig }> {
    const server = await this.#primary.find()
    if (this.#pool?.server !== server) {
      // Ends when the last statement under way there has ended.
      this.#pool?.connections.end().catch(ignore)
      this.#pool = { server, connections: poolOf(server) }
    }
    try {
      return { client: await this.#pool.connections.connect(), server }
    } catch (error) {
      this.#primary.lost()
      throw error
    }
  }
}

async function inTransaction<T>(client: pg.PoolClient, begin: string, work: (query: Query) => Promise<T>): Promise<T> {
  try {
    await client.query(begin)
    const result = await work((text, values = []) => run(client, text, values))
    await client.query('COMMIT')
    return result
  } catch (error) {
    // Dropping a broken connection rolls back; sending ROLLBACK would only wait for it again.
    if (!isBroken(error)) await client.query('ROLLBACK')
    throw error
  }
}

async function run(client: pg.PoolClient, text: string, values: Values): Promise<Row[]> {
  return (await client.query<Row>(text, values as unknown[])).rows
}

/** Whether the connection must be dropped after this error. */
const isBroken = (error: unknown): boolean =>
  !(error instanceof pg.DatabaseError) || CONNECTION_LOST.test(codeOf(error))

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? ''

function ignore(): void {
  // The caller that uses the connection gets the error.
}
