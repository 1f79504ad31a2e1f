import pg from 'pg'
import { reasonOf } from '../../errors/reason.ts'
import { StoreRefused, StoreUnavailable } from '../../errors/store-errors.ts'

/** Connections of one instance, beside the one that listens. */
const MOST_CONNECTIONS = 10
/** How long a connection may take to come about, or to become free, in milliseconds. */
const CONNECT_MS = 5_000
/** How long a statement may take, in milliseconds; its connection is given up then. */
const STATEMENT_MS = 10_000
/** How often what collided with another transaction is run again. */
const COLLISIONS = 3

/** A value was to be unique and is there already. */
export class Taken extends Error {
  constructor(constraint: string | undefined) {
    super(`${constraint ?? 'A unique value'} is taken`)
    this.name = 'Taken'
  }
}

const UNIQUE_VIOLATION = '23505'
/** Deadlock, and a serialization failure as distributed databases report it: run again, it succeeds. */
const COLLISION = new Set(['40P01', '40001'])
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

/** Counts and times fit into a number. */
const INT8 = 20
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

/**
 * A pool of connections. Nothing is left in a session, no prepared statement either, so that a pooler in transaction
 * mode may stand between. A connection that fails is replaced; none ends the process.
 */
export class Database {
  readonly #pool: pg.Pool

  constructor(url: string) {
    this.#pool = new pg.Pool({
      ...connectionOptions(url),
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
   * @throws {StoreUnavailable} with unknown outcome
   */
  query(text: string, values: Values = []): Promise<Row[]> {
    return this.#again((client) => run(client, text, values))
  }

  /**
   * Runs several statements in one durable transaction.
   * @throws {Taken} nothing was changed
   * @throws {StoreUnavailable} with unknown outcome
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return this.#again(async (client) => {
      await client.query(`BEGIN; SELECT ${DURABLE}`)
      try {
        const result = await work((text, values = []) => run(client, text, values))
        await client.query('COMMIT')
        return result
      } catch (error) {
        // One that is given up takes its transaction along; asking it would mean to wait for it once more.
        if (!isOfNoUse(error)) await client.query('ROLLBACK')
        throw error
      }
    })
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
        if (COLLISION.has(code) && collisions < COLLISIONS) continue
        throw new StoreUnavailable(`PostgreSQL: ${reasonOf(error) || code}`, { cause: error })
      }
    }
  }

  async #once<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
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
}

/** What every connection of ours is opened with. */
export function connectionOptions(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'formula-intake',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
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
