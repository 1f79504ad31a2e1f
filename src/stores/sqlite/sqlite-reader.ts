import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { StoreRefused } from '../../errors/store-errors.ts'
import type { MovedAnswer, MovedEvent, MovedFormula, MovedIdentity, MovedMark } from '../move/moved-rows.ts'
import { lock, openForReading, openForWriting } from './durability/file.ts'
import { checkOrigin } from './durability/integrity.ts'
import { migrations, version } from './schema.ts'

type Values = (string | number | null)[]

/** Every statement that reads what is moved; each goes on behind where the last page ended. */
const PAGES = {
  formulas: `SELECT seq, lower(hex(fingerprint)) AS id, name, materials, created_at AS createdAt FROM formulas
    WHERE seq > ? ORDER BY seq LIMIT ?`,
  answers: `SELECT seq, caller, key, lower(hex(payload)) AS payload, submission, status, location, body,
      expires_at AS expiresAt FROM answers
    WHERE seq > ? AND expires_at > ? ORDER BY seq LIMIT ?`,
  ready: `SELECT position, lower(hex(id)) AS id, name, created_at AS createdAt, receives, 'ready' AS state, 0 AS at,
      '' AS reason, traceparent FROM ready
    WHERE position > ? ORDER BY position LIMIT ?`,
  leased: `SELECT lease, position, lower(hex(id)) AS id, name, created_at AS createdAt, receives, 'returned' AS state,
      0 AS at, '' AS reason, traceparent FROM leased
    WHERE lease > ? ORDER BY lease LIMIT ?`,
  delayed: `SELECT position, lower(hex(id)) AS id, name, created_at AS createdAt, receives, 'delayed' AS state,
      due AS at, '' AS reason, traceparent FROM delayed
    WHERE position > ? ORDER BY position LIMIT ?`,
  dead: `SELECT seq AS position, lower(hex(id)) AS id, name, created_at AS createdAt, receives, 'dead' AS state,
      died_at AS at, reason, traceparent FROM dead
    WHERE seq > ? ORDER BY seq LIMIT ?`,
  marks: `SELECT attempt, state, at FROM marks WHERE attempt > ? ORDER BY attempt LIMIT ?`,
}

/** Rows of a page. */
const PAGE = 2_000

/** Reads all that a SQLite file holds, to move it elsewhere. */
export class SqliteReader {
  readonly #db: DatabaseSync
  readonly #unlock: () => void
  /** Whether the file is this process's alone, so that nothing in it changes. */
  readonly isStill: boolean

  /**
   * @throws {StoreRefused} when it is not there, damaged, no file of this service, or in use by another version of it
   */
  constructor(path: string) {
    if (!existsSync(path)) throw new StoreRefused(`${path} is not there`)
    const unlock = ownUnlessInUse(path)
    this.isStill = unlock !== null
    this.#unlock = unlock ?? (() => {})
    try {
      this.#db = this.isStill ? openForWriting(path) : openForReading(path)
      checkOrigin(this.#db, path)
    } catch (error) {
      this.#unlock()
      throw error
    }
    if (version(this.#db) !== migrations.length) throw new StoreRefused(`${path} is in use by another version`)
  }

  close(): void {
    this.#db.close()
    this.#unlock()
  }

  /** @throws {StoreRefused} when submissions are unfinished: the service has to end them first */
  identity(): MovedIdentity {
    const open = this.#one('SELECT (SELECT count(*) FROM intents) + (SELECT count(*) FROM held) AS open')
    if (Number(open.open) > 0) {
      throw new StoreRefused('Submissions are unfinished: start the service on it once more, and stop it')
    }
    const row = this.#one(
      `SELECT store_id AS storeId, queue_id AS queueId, queue_location AS queueLocation,
         (SELECT next_position - 1 FROM counters) AS lastPosition FROM identity`,
    )
    return row as unknown as MovedIdentity
  }

  storeId(): string {
    return this.#one('SELECT store_id FROM identity').store_id as string
  }

  /** How many formulas come behind `seq`. */
  formulasAfter(seq: number): number {
    return Number(this.#one('SELECT count(*) AS n FROM formulas WHERE seq > ?', seq).n)
  }

  answersAfter(seq: number, now: number): number {
    return Number(this.#one('SELECT count(*) AS n FROM answers WHERE seq > ? AND expires_at > ?', seq, now).n)
  }

  events(): number {
    const { n } = this.#one(
      `SELECT (SELECT count(*) FROM ready) + (SELECT count(*) FROM leased) + (SELECT count(*) FROM delayed)
         + (SELECT count(*) FROM dead) AS n`,
    )
    return Number(n)
  }

  formulaPages(after: number): Iterable<MovedFormula[]> {
    return this.#pages<MovedFormula>('formulas', after, ({ seq }) => seq)
  }

  /** Those that have not expired at `now`. */
  answerPages(after: number, now: number): Iterable<MovedAnswer[]> {
    return this.#pages<MovedAnswer>('answers', after, ({ seq }) => seq, [now])
  }

  *eventPages(): Iterable<MovedEvent[]> {
    for (const table of ['ready', 'delayed', 'dead'] as const) {
      yield* this.#pages<MovedEvent>(table, 0, ({ position }) => position)
    }
    for (const page of this.#pages<MovedEvent & { lease?: number }>('leased', 0, ({ lease }) => lease ?? 0)) {
      yield page.map(({ lease: _, ...event }) => event)
    }
  }

  markPages(): Iterable<MovedMark[]> {
    return this.#pages<MovedMark>('marks', '', ({ attempt }) => attempt)
  }

  *#pages<R>(table: keyof typeof PAGES, after: string | number, key: (row: R) => string | number, more: Values = []) {
    const statement = this.#db.prepare(PAGES[table])
    for (let last = after; ; ) {
      const page = statement.all(last, ...more, PAGE).map((row) => ({ ...row })) as R[]
      const end = page.at(-1)
      if (end === undefined) return
      yield page
      last = key(end)
    }
  }

  #one(statement: string, ...values: Values) {
    return this.#db.prepare(statement).get(...values) ?? {}
  }
}

/** Takes the file for this process; null while the service runs on it. */
function ownUnlessInUse(path: string): (() => void) | null {
  try {
    return lock(path)
  } catch (error) {
    if (error instanceof StoreRefused && error.message.includes('in use')) return null
    throw error
  }
}
