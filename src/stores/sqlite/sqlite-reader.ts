import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { StoreInUse, StoreRefused } from '../../errors/store-errors.ts'
import type {
  MovedAnswer,
  MovedDelivery,
  MovedErased,
  MovedEvent,
  MovedFormula,
  MovedIdentity,
  MovedMark,
  MovedNumbers,
  MovedSubscription,
} from '../move/moved-rows.ts'
import { lock, openForReading, openForWriting } from './durability/file.ts'
import { checkOrigin } from './durability/integrity.ts'
import { migrations, version } from './schema.ts'

type Values = (string | number | null)[]

/** Reads a page of each table, after the key of the last row of the previous page. */
const PAGES = {
  formulas: `SELECT seq, lower(hex(fingerprint)) AS id, search AS searchKey, document FROM formulas
    WHERE seq > ? ORDER BY seq LIMIT ?`,
  answers: `SELECT seq, lower(hex(slot)) AS slot, lower(hex(payload)) AS payload,
      lower(hex(submission)) AS submission, status, kept,
      first_added AS firstAdded, added, submitted_at AS submittedAt, expires_at AS expiresAt FROM answers
    WHERE seq > ? AND expires_at > ? ORDER BY seq LIMIT ?`,
  erased: 'SELECT seq, lower(hex(fingerprint)) AS id FROM erased WHERE seq > ? ORDER BY seq LIMIT ?',
  events: `SELECT position, iif(fingerprint IS NULL, NULL, lower(hex(fingerprint))) AS id, formula, at AS createdAt, body FROM events
    WHERE position > ? ORDER BY position LIMIT ?`,
  subscriptions: `SELECT id, name, created_at AS createdAt, paused, position FROM subscriptions
    WHERE id > ? ORDER BY id LIMIT ?`,
  deliveries: `SELECT subscription, position, iif(state = 'leased', 'returned', state) AS state,
      iif(state = 'leased', position, rank) AS rank, receives, after, died_at AS diedAt, reason, detail,
      iif(fingerprint IS NULL, NULL, lower(hex(fingerprint))) AS id, formula, at AS createdAt, body FROM deliveries
    WHERE (position, subscription) > (?, ?) ORDER BY position, subscription LIMIT ?`,
  marks: `SELECT attempt, state, at FROM marks WHERE attempt > ? ORDER BY attempt LIMIT ?`,
}

const PAGE_ROWS = 2_000

/** Reads the whole content of a SQLite file, to move it to another engine. */
export class SqliteReader {
  readonly #db: DatabaseSync
  readonly #unlock: () => void
  /** Whether this process has locked the file: then its content cannot change. False while the service runs on it. */
  readonly isLocked: boolean

  /** @throws {StoreRefused} when the file is missing, damaged, not of this service, or in use by another version of it */
  constructor(path: string) {
    if (!existsSync(path)) throw new StoreRefused(`${path} is not there`)
    const unlock = lockUnlessInUse(path)
    this.isLocked = unlock !== null
    this.#unlock = unlock ?? (() => {})
    try {
      this.#db = this.isLocked ? openForWriting(path) : openForReading(path)
      checkOrigin(this.#db, path)
      if (version(this.#db) !== migrations.length) throw new StoreRefused(`${path} is in use by another version`)
    } catch (error) {
      this.#unlock()
      throw error
    }
  }

  close(): void {
    this.#db.close()
    this.#unlock()
  }

  /** @throws {StoreRefused} when submissions are unfinished: only the service can finish them */
  identity(): MovedIdentity {
    const open = this.#one('SELECT (SELECT count(*) FROM intents) + (SELECT count(*) FROM held) AS open')
    if (Number(open.open) > 0) {
      throw new StoreRefused('Submissions are unfinished: start the service on this file to finish them, then stop it')
    }
    const row = this.#one(
      'SELECT store_id AS storeId, queue_id AS queueId, queue_location AS queueLocation FROM identity',
    )
    return row as unknown as MovedIdentity
  }

  storeId(): string {
    return this.#one('SELECT store_id FROM identity').store_id as string
  }

  /** The number of formulas after `seq`. */
  formulasAfter(seq: number): number {
    return Number(this.#one('SELECT count(*) AS n FROM formulas WHERE seq > ?', seq).n)
  }

  /** The number of answers after `seq` that have not expired at `now`. */
  answersAfter(seq: number, now: number): number {
    return Number(this.#one('SELECT count(*) AS n FROM answers WHERE seq > ? AND expires_at > ?', seq, now).n)
  }

  /** The number of events in the log, blank ones included. */
  events(): number {
    return Number(this.#one('SELECT count(*) AS n FROM events').n)
  }

  numbers(): MovedNumbers {
    const row = this.#one(
      `SELECT max((SELECT ifnull(max(seq), 0) FROM formulas), formula) AS formula,
         max((SELECT ifnull(max(position), 0) FROM events), position) AS position, death FROM numbers`,
    )
    return { ...row } as unknown as MovedNumbers
  }

  formulaPages(after: number): Iterable<MovedFormula[]> {
    return this.#pages<MovedFormula>('formulas', [after], ({ seq }) => [seq])
  }

  /** Answers that have not expired at `now`. */
  answerPages(after: number, now: number): Iterable<MovedAnswer[]> {
    return this.#pages<MovedAnswer>('answers', [after], ({ seq }) => [seq], [now])
  }

  erasedPages(): Iterable<MovedErased[]> {
    return this.#pages<MovedErased>('erased', [0], ({ seq }) => [seq])
  }

  eventPages(): Iterable<MovedEvent[]> {
    return this.#pages<MovedEvent>('events', [0], ({ position }) => [position])
  }

  *subscriptionPages(): Iterable<MovedSubscription[]> {
    const pages = this.#pages<MovedSubscription>('subscriptions', [0], ({ id }) => [id])
    for (const page of pages) yield page.map((row) => ({ ...row, paused: Boolean(row.paused) }))
  }

  deliveryPages(): Iterable<MovedDelivery[]> {
    return this.#pages<MovedDelivery>('deliveries', [0, 0], ({ position, subscription }) => [position, subscription])
  }

  markPages(): Iterable<MovedMark[]> {
    return this.#pages<MovedMark>('marks', [''], ({ attempt }) => [attempt])
  }

  *#pages<R>(table: keyof typeof PAGES, after: Values, key: (row: R) => Values, more: Values = []) {
    const statement = this.#db.prepare(PAGES[table])
    for (let last = after; ; ) {
      const page = statement.all(...last, ...more, PAGE_ROWS).map((row) => ({ ...row })) as R[]
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

/** @returns releases the lock; null while the service runs on the file */
function lockUnlessInUse(path: string): (() => void) | null {
  try {
    return lock(path)
  } catch (error) {
    if (error instanceof StoreInUse) return null
    throw error
  }
}
