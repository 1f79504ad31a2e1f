import pg from 'pg'
import { StoreRefused, StoreUnavailable, UnknownSubscription } from '../../errors/store-errors.ts'
import { type Clock, systemClock } from '../../kit/clock.ts'
import { reasonOf } from '../../kit/reason.ts'
import { readServerUrl } from './server-url.ts'

/** Connections of one instance, beside the one that listens. */
const MOST_CONNECTIONS = 10
/** How long a connection may take to come about, or to become free, in milliseconds. */
const CONNECT_MS = 5_000
/** How long a statement may take, in milliseconds; its connection is given up then. */
const STATEMENT_MS = 10_000
const CONNECTION: pg.ClientConfig = {
  connectionTimeoutMillis: CONNECT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
}
/** What pg says when a server does not offer encryption. */
const NO_TLS = 'The server does not support SSL connections'
/** How long a read may take that is not of one row, in milliseconds. */
const READ_MS = 2_000
/**
 * Said where the default may be another: a statement has to see what was committed while the one before it waited for a
 * lock.
 */
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED'
const READ = `${BEGIN} READ ONLY; SET LOCAL statement_timeout = ${READ_MS}; SET LOCAL enable_seqscan = off`
/** How often what collided with another transaction is run again. */
const COLLISIONS = 3

/** A value was to be unique and is there already. */
export class Taken extends Error {
  constructor(constraint: string | undefined) {
    super(`${constraint ?? 'A unique value'} is taken`)
    this.name = 'Taken'
  }
}

/** The database cannot hold a value, such as a text with NUL: nothing was changed, and it is stored nowhere. */
export class Unstorable extends Error {
  constructor(reason: string, options: ErrorOptions) {
    super(`PostgreSQL: ${reason}`, options)
    this.name = 'Unstorable'
  }
}

const UNIQUE_VIOLATION = '23505'
const DATA_EXCEPTION = /^22/
/** Deadlock, and a serialization failure as distributed databases report it: run again, it succeeds. */
const COLLISION = new Set(['40P01', '40001'])
/** Raised by functions.ts: the transaction is not READ COMMITTED, and was changed by nothing. */
export const OTHER_ISOLATION = 'FI001'
/** Raised by lease-functions.ts, the message being the name. */
export const NO_SUBSCRIPTION = 'FI404'
const ISOLATION = `SELECT pg_catalog.current_setting('transaction_isolation') AS isolation`
/** The server is going, gone, or has become a standby: another connection may lead to one that can be written. */
const OF_NO_USE_CODES = /^(08|57P0|25006)/

export type Row = Record<string, unknown>
type Values = readonly unknown[]

/** Runs one statement within a transaction. */
export type Query = (text: string, values?: Values) => Promise<Row[]>

/**
 * Durable also where the server's default is to answer before the disk has it; what is stricter than `on` is left as it
 * is. It holds for the transaction alone.
 */
export const DURABLE = `pg_catalog.set_config('synchronous_commit',
  CASE pg_catalog.current_setting('synchronous_commit')
    WHEN 'off' THEN 'on' ELSE pg_catalog.current_setting('synchronous_commit') END, true)`

/**
 * The time of a statement, in milliseconds: the database's own, so that instances whose clocks differ agree on when a
 * lease ends. What is given is null then; it is another time where a test moves the clock by hand.
 */
export const timeUnless = (given: string, clock: 'statement' | 'clock' = 'statement'): string =>
  `coalesce(${given},
  pg_catalog.floor(extract(epoch FROM pg_catalog.${clock}_timestamp()) OPERATOR(pg_catalog.*) 1000)::bigint)`

export const NOW = timeUnless('$1::bigint')

/** What stands for `$1` in statements that ask for `NOW`. */
export type GivenTime = () => number | null

export const givenTime = (clock: Clock): GivenTime => (clock === systemClock ? () => null : () => clock.now())

const INT8 = 20
const INT8_ARRAY = 1016
/** Counts, times and sequence numbers fit into numbers. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') => {
    if (oid === INT8) return Number
    if (oid === INT8_ARRAY) return (text: string) => JSON.parse(`[${text.slice(1, -1)}]`)
    return pg.types.getTypeParser(oid, format)
  }) as typeof pg.types.getTypeParser,
}

/**
 * A pool of connections. Nothing is left in a session, no prepared statement either, so that a pooler in transaction
 * mode may stand between. A connection that fails is replaced; none ends the process.
 */
export class Database {
  /** What every connection of ours is opened with. */
  readonly connection: pg.ClientConfig
  readonly #pool: pg.Pool
  readonly #mayBePlain: boolean
  /** Whether READ COMMITTED is what a transaction is unless told, as it is as shipped. */
  #isReadCommitted = true

  constructor(url: string) {
    const { config, mayBePlain } = readServerUrl(url)
    this.connection = { application_name: 'formula-intake', ...CONNECTION, ...config }
    this.#mayBePlain = mayBePlain
    this.#pool = new pg.Pool({
      ...this.connection,
      max: MOST_CONNECTIONS,
      query_timeout: STATEMENT_MS,
      idleTimeoutMillis: 30_000,
      types,
    })
    this.#pool.on('error', ignore)
    // The pool listens only while it has the connection; an error between two statements would end the process.
    this.#pool.on('connect', (client) => client.on('error', ignore))
  }

  /**
   * Runs one statement, a transaction of its own.
   * @throws {Taken} nothing was changed
   * @throws {Unstorable} nothing was changed
   * @throws {StoreUnavailable} with unknown outcome
   */
  query(text: string, values: Values = []): Promise<Row[]> {
    return this.#again((client) =>
      this.#isReadCommitted ? run(client, text, values) : within(client, BEGIN, (query) => query(text, values)),
    )
  }

  /** Learns what a transaction is unless told; where that changes later, the functions say so. */
  async checkIsolation(): Promise<void> {
    const [row] = await this.query(ISOLATION)
    this.#isReadCommitted = row?.isolation === 'read committed'
  }

  /**
   * Runs several statements in one durable transaction.
   * @throws {Taken} nothing was changed
   * @throws {Unstorable} nothing was changed
   * @throws {StoreUnavailable} with unknown outcome
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return this.#again((client) => within(client, `${BEGIN}; SELECT ${DURABLE}`, work))
  }

  /**
   * Runs several reads by index; the server itself ends one that takes long.
   * @throws {Unstorable}
   * @throws {StoreUnavailable}
   */
  read<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return this.#again((client) => within(client, READ, work))
  }

  close(): Promise<void> {
    return this.#pool.end()
  }

  async #again<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    for (let collisions = 1; ; collisions++) {
      try {
        return await this.#once(work)
      } catch (error) {
        if (error instanceof StoreRefused) throw error
        const code = codeOf(error)
        if (code === UNIQUE_VIOLATION) throw new Taken((error as pg.DatabaseError).constraint)
        if (code === NO_SUBSCRIPTION) throw new UnknownSubscription((error as Error).message)
        if (DATA_EXCEPTION.test(code)) throw new Unstorable(reasonOf(error), { cause: error })
        if (code === OTHER_ISOLATION) this.#isReadCommitted = false
        if ((COLLISION.has(code) || code === OTHER_ISOLATION) && collisions < COLLISIONS) continue
        throw new StoreUnavailable(`PostgreSQL: ${reasonOf(error) || code}`, { cause: error })
      }
    }
  }

  async #once<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect()
    let broken = false
    try {
      return await work(client)
    } catch (error) {
      broken = isOfNoUse(error)
      throw error
    } finally {
      client.release(broken)
    }
  }

  /** Where encryption is only preferred, a server that does not offer it is asked without from then on. */
  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (error) {
      if (!this.#mayBePlain || reasonOf(error) !== NO_TLS) throw error
      this.connection.ssl = false
      this.#pool.options.ssl = false
      return this.#pool.connect()
    }
  }
}

/** Runs what a transaction is made of. */
async function within<T>(client: pg.PoolClient, begin: string, work: (query: Query) => Promise<T>): Promise<T> {
  await client.query(begin)
  try {
    const result = await work((text, values = []) => run(client, text, values))
    await client.query('COMMIT')
    return result
  } catch (error) {
    // One that is given up takes its transaction along; asking it would mean to wait for it once more.
    if (!isOfNoUse(error)) await client.query('ROLLBACK')
    throw error
  }
}

async function run(client: pg.PoolClient, text: string, values: Values): Promise<Row[]> {
  return (await client.query<Row>(text, values as unknown[])).rows
}

/** Whether the connection that an error came from is given up. */
const isOfNoUse = (error: unknown): boolean =>
  !(error instanceof pg.DatabaseError) || OF_NO_USE_CODES.test(codeOf(error))

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? ''

function ignore(): void {
  // Whoever uses the connection is told.
}
