import { StoreRefused } from '../../errors/store-errors.ts'
import { searchKey } from '../../formula/name-search.ts'
import type { MovedAnswer, MovedEvent, MovedFormula, MovedIdentity, MovedMark } from '../move/moved-rows.ts'
import { slotOf } from './batch-item.ts'
import { Database, type Row } from './database.ts'
import * as sql from './postgres-writer-statements.ts'
import { migrate } from './schema-version.ts'

/** Rows of a page that is read back. */
const PAGE = 2_000

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
    const columns = columnsOf(rows, ['seq', 'id', 'name', 'search', 'materials', 'createdAt'], ({ name }) => ({
      search: searchKey(name),
    }))
    await this.#database.transaction(async (query) => {
      await query(sql.ADD_FORMULAS, columns)
      await query(sql.FORMULAS_MOVED, [this.#source, rows.at(-1)?.seq])
    })
  }

  async addAnswers(rows: MovedAnswer[]): Promise<void> {
    const columns = columnsOf(
      rows,
      ['slot', 'caller', 'key', 'payload', 'submission', 'status', 'location', 'body', 'expiresAt'],
      ({ caller, key }) => ({ slot: slotOf(caller, key) }),
    )
    await this.#database.transaction(async (query) => {
      await query(sql.ADD_ANSWERS, columns)
      await query(sql.ANSWERS_MOVED, [this.#source, rows.at(-1)?.seq])
    })
  }

  async clearEvents(): Promise<void> {
    await this.#database.query(sql.CLEAR_EVENTS)
  }

  async addEvents(rows: MovedEvent[]): Promise<void> {
    const names = ['position', 'id', 'name', 'createdAt', 'receives', 'state', 'at', 'reason', 'traceparent'] as const
    const columns = columnsOf(rows, names, () => ({}))
    await this.#database.transaction(async (query) => {
      for (const statement of sql.ADD_EVENTS) await query(statement, columns)
    })
  }

  async addMarks(rows: MovedMark[]): Promise<void> {
    await this.#database.query(
      sql.ADD_MARKS,
      columnsOf(rows, ['attempt', 'state', 'at'], () => ({})),
    )
  }

  /** The database is the store from now on. */
  async end({ storeId, queueId, queueLocation, lastPosition }: MovedIdentity): Promise<void> {
    await this.#database.transaction(async (query) => {
      await query(sql.TAKE_IDENTITY, [storeId, queueId, queueLocation])
      await query(sql.NUMBER_ON, [lastPosition])
      await query(sql.END_MOVE, [this.#source])
    })
  }

  formulaPages(): AsyncIterable<MovedFormula[]> {
    return this.#pages<MovedFormula>(sql.FORMULAS_BACK, [0], ({ seq }) => [seq])
  }

  answerPages(): AsyncIterable<(Omit<MovedAnswer, 'seq'> & { slot: string })[]> {
    return this.#pages(sql.ANSWERS_BACK, ['00000000-0000-0000-0000-000000000000'], ({ slot }) => [slot])
  }

  eventPages(): AsyncIterable<MovedEvent[]> {
    return this.#pages<MovedEvent>(sql.EVENTS_BACK, ['', 0], ({ state, position }) => [state, position])
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

/** One array for each column, of the rows and of what is made of them. */
function columnsOf<R extends object>(rows: R[], names: readonly string[], more: (row: R) => Row): unknown[] {
  const full = rows.map((row): Row => ({ ...row, ...more(row) }))
  return names.map((name) => full.map((row) => row[name]))
}
