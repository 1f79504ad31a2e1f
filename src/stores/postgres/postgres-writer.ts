import { StoreRefused } from '../../errors/store-errors.ts'
import type {
  MovedAnswer,
  MovedDelivery,
  MovedEvent,
  MovedFormula,
  MovedIdentity,
  MovedMark,
  MovedNumbers,
  MovedSubscription,
} from '../move/moved-rows.ts'
import { Database } from './database.ts'
import * as sql from './postgres-writer-statements.ts'
import { migrate } from './schema-version.ts'

/** Rows of a page that is read back. */
const PAGE = 2_000
/** Before all others. */
const NO_UUID = '00000000-0000-0000-0000-000000000000'

/** How far a move has come: the last rows that have been copied. */
export interface MoveProgress {
  formulas: number
  answers: number
}

/** Takes in the contents of another store. Until the move is ended, no instance of the service starts on the database. */
export class PostgresWriter {
  readonly #database: Database
  readonly #source: string

  /** @param source the id of the store that is moved */
  constructor(url: string, source: string) {
    this.#database = new Database(url)
    this.#source = source
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  /**
   * Begins a move, or takes it up where it was interrupted.
   * @throws {StoreRefused} when it has been ended before, or others' rows are there
   */
  async begin(): Promise<MoveProgress> {
    await migrate(this.#database)
    const [move] = await this.#database.query(sql.MOVE, [this.#source])
    if (move?.done === true) throw new StoreRefused('The store has been moved there before')
    if (move !== undefined) return { formulas: move.formulas as number, answers: move.answers as number }
    const [row] = await this.#database.query(sql.IS_EMPTY)
    if (row?.is_empty !== true) throw new StoreRefused('The database to move to is not empty')
    await this.#database.query(sql.BEGIN_MOVE, [this.#source])
    return { formulas: 0, answers: 0 }
  }

  async addFormulas(rows: MovedFormula[]): Promise<void> {
    const columns = columnsOf(rows, ['seq', 'id', 'searchKey', 'document'])
    await this.#database.transaction(async (query) => {
      await query(sql.ADD_FORMULAS, columns)
      await query(sql.FORMULAS_MOVED, [this.#source, rows.at(-1)?.seq])
    })
  }

  async addAnswers(rows: MovedAnswer[]): Promise<void> {
    const columns = columnsOf(rows, [
      ...(['slot', 'payload', 'submission', 'status', 'kept', 'firstAdded', 'added', 'expiresAt'] as const),
    ])
    await this.#database.transaction(async (query) => {
      await query(sql.ADD_ANSWERS, columns)
      await query(sql.ANSWERS_MOVED, [this.#source, rows.at(-1)?.seq])
    })
  }

  /** Empties the queue, which is copied from the beginning. */
  async clearQueue(): Promise<void> {
    await this.#database.query(sql.CLEAR_QUEUE)
  }

  async addEvents(rows: MovedEvent[]): Promise<void> {
    await this.#database.query(sql.ADD_EVENTS, columnsOf(rows, ['position', 'id', 'formula', 'createdAt', 'body']))
  }

  async addSubscriptions(rows: MovedSubscription[]): Promise<void> {
    const columns = columnsOf(rows, ['id', 'name', 'createdAt', 'paused', 'position'])
    await this.#database.query(sql.ADD_SUBSCRIPTIONS, columns)
  }

  async addDeliveries(rows: MovedDelivery[]): Promise<void> {
    const columns = columnsOf(rows, [
      ...(['subscription', 'position', 'state', 'rank', 'receives', 'after', 'diedAt', 'reason', 'detail'] as const),
      ...(['id', 'formula', 'createdAt', 'body'] as const),
    ])
    await this.#database.query(sql.ADD_DELIVERIES, columns)
  }

  async addMarks(rows: MovedMark[]): Promise<void> {
    await this.#database.query(sql.ADD_MARKS, columnsOf(rows, ['attempt', 'state', 'at']))
  }

  /** The database is the store from now on. */
  async end({ storeId, queueId, queueLocation }: MovedIdentity, last: MovedNumbers): Promise<void> {
    await this.#database.transaction(async (query) => {
      await query(sql.TAKE_IDENTITY, [storeId, queueId, queueLocation])
      await query(sql.NUMBER_ON, [last.formula, last.death])
      await query(sql.SET_HEAD, [last.position])
      await query(sql.END_MOVE, [this.#source])
    })
  }

  formulaPages(): AsyncIterable<MovedFormula[]> {
    return this.#pages<MovedFormula>(sql.FORMULAS_BACK, [0], ({ seq }) => [seq])
  }

  answerPages(): AsyncIterable<Omit<MovedAnswer, 'seq'>[]> {
    const pages = this.#pages<Omit<MovedAnswer, 'seq'>>(sql.ANSWERS_BACK, [NO_UUID], ({ slot }) => [slot])
    return mapped(pages, (row) => ({ ...row, slot: row.slot.replaceAll('-', '') }))
  }

  eventPages(): AsyncIterable<MovedEvent[]> {
    return this.#pages<MovedEvent>(sql.EVENTS_BACK, [0], ({ position }) => [position])
  }

  subscriptionPages(): AsyncIterable<MovedSubscription[]> {
    return this.#pages<MovedSubscription>(sql.SUBSCRIPTIONS_BACK, [0], ({ id }) => [id])
  }

  deliveryPages(): AsyncIterable<MovedDelivery[]> {
    const key = ({ subscription, position }: MovedDelivery): unknown[] => [subscription, position]
    return this.#pages<MovedDelivery>(sql.DELIVERIES_BACK, [0, 0], key)
  }

  async *#pages<R>(statement: string, first: unknown[], key: (row: R) => unknown[]): AsyncIterable<R[]> {
    for (let last = first; ; ) {
      const page = (await this.#database.query(statement, [...last, PAGE])) as R[]
      const end = page.at(-1)
      if (end === undefined) return
      yield page
      last = key(end)
    }
  }
}

async function* mapped<R>(pages: AsyncIterable<R[]>, change: (row: R) => R): AsyncIterable<R[]> {
  for await (const page of pages) yield page.map(change)
}

/** One array for each column. */
const columnsOf = <R extends object>(rows: R[], names: readonly (keyof R)[]): unknown[] =>
  names.map((name) => rows.map((row) => row[name]))
