import { StoreRefused } from '../../errors/store-errors.ts'
import {
  MOVED_COLUMNS,
  type MovedIdentity,
  type MovedNumbers,
  type MovedRows,
  type MovedTable,
} from '../move/moved-rows.ts'
import { columnsOf, Database } from './database.ts'
import { migrate } from './schema.ts'

const IS_EMPTY = `
SELECT NOT EXISTS (SELECT FROM formula_intake.formulas) AND NOT EXISTS (SELECT FROM formula_intake.answers)
  AND NOT EXISTS (SELECT FROM formula_intake.events) AND NOT EXISTS (SELECT FROM formula_intake.deliveries)
  AND NOT EXISTS (SELECT FROM formula_intake.log WHERE head > 0)`

/** $1 source. */
const MOVE = `SELECT formulas, answers, done FROM formula_intake.moves WHERE source = $1`
const BEGIN_MOVE = `INSERT INTO formula_intake.moves (source) VALUES ($1)`
const END_MOVE = `UPDATE formula_intake.moves SET done = true WHERE source = $1`

/** Records how far a table has been copied. $1 source, $2 number of the last row. */
const COPIED: { readonly [T in MovedTable]?: string } = {
  formulas: `UPDATE formula_intake.moves SET formulas = $2 WHERE source = $1`,
  answers: `UPDATE formula_intake.moves SET answers = $2 WHERE source = $1`,
}

/**
 * The parameters are the columns of `MOVED_COLUMNS`, one array each. Of two answers in one slot, and two formulas of one
 * composition, the later one wins: the earlier formula was erased after it had been copied.
 */
const ADD: { readonly [T in MovedTable]: string } = {
  formulas: `
INSERT INTO formula_intake.formulas (seq, fingerprint, search, document)
SELECT seq, pg_catalog.decode(id, 'hex'), search, document
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS moved (seq, id, search, document)
ON CONFLICT (fingerprint) DO UPDATE SET seq = excluded.seq, search = excluded.search, document = excluded.document`,
  answers: `
INSERT INTO formula_intake.answers (slot, payload, submission, status, kept, added, submitted_at, expires_at)
SELECT DISTINCT ON (slot) slot, pg_catalog.decode(payload, 'hex'), submission, status, kept,
  ARRAY(SELECT pg_catalog.generate_series(first, first + added - 1)), submitted_at, expires_at
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::bigint[])
  WITH ORDINALITY AS moved (slot, payload, submission, status, kept, first, added, submitted_at, expires_at, ordinal)
ORDER BY slot, ordinal DESC
ON CONFLICT (slot) DO UPDATE SET payload = excluded.payload, submission = excluded.submission,
  status = excluded.status, kept = excluded.kept, added = excluded.added, submitted_at = excluded.submitted_at,
  expires_at = excluded.expires_at`,
  erased: `
WITH erased AS (
  INSERT INTO formula_intake.erased
  SELECT seq, pg_catalog.decode(id, 'hex') FROM unnest($1::bigint[], $2::text[]) AS moved (seq, id) RETURNING seq
)
DELETE FROM formula_intake.formulas WHERE seq IN (SELECT seq FROM erased)`,
  events: `
INSERT INTO formula_intake.events SELECT position, pg_catalog.decode(id, 'hex'), formula, at, body
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[]) AS moved (position, id, formula, at, body)`,
  subscriptions: `
INSERT INTO formula_intake.subscriptions (id, name, created_at, paused, position)
SELECT * FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::boolean[], $5::bigint[])`,
  deliveries: `
INSERT INTO formula_intake.deliveries
  (subscription, position, state, rank, receives, behind, died_at, reason, detail, fingerprint, formula, at, body)
SELECT subscription, position, state, rank, receives, behind, died_at, reason, detail, pg_catalog.decode(id, 'hex'),
  formula, at, body
FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::bigint[], $5::integer[], $6::bigint[], $7::bigint[], $8::text[],
    $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::text[])
  AS moved (subscription, position, state, rank, receives, behind, died_at, reason, detail, id, formula, at, body)`,
  marks: `
INSERT INTO formula_intake.marks SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])`,
}

/** A resumed move copies the rest from the beginning, since it may have changed meanwhile. */
const CLEAR_REST = `
TRUNCATE formula_intake.erased, formula_intake.events, formula_intake.subscriptions, formula_intake.deliveries,
  formula_intake.marks`

/** $1 store, $2 queue, $3 location of the queue. */
const TAKE_IDENTITY = `UPDATE formula_intake.identity SET store_id = $1, queue_id = $2, queue_location = $3`

/** Continues the source's numbering. The last number of $1 formulas, $2 deaths and redrives. */
const SET_SEQUENCES = `
SELECT pg_catalog.setval('formula_intake.acceptance', greatest($1::bigint, 1)),
  pg_catalog.setval('formula_intake.deaths', greatest($2::bigint, 1)),
  pg_catalog.setval('formula_intake.subscription_ids', pg_catalog.max(id)) FROM formula_intake.subscriptions`

/** $1 the last position. */
const SET_HEAD = `UPDATE formula_intake.log SET head = $1`

type ReadTable = Exclude<MovedTable, 'marks'>

/** The columns by which a table is paged. */
const PAGE_KEYS: { readonly [T in ReadTable]: (keyof MovedRows[T])[] } = {
  formulas: ['seq'],
  answers: ['slot'],
  erased: ['seq'],
  events: ['position'],
  subscriptions: ['id'],
  deliveries: ['subscription', 'position'],
}

/** Reads a page back. The parameters are the key of the row before the page, the limit, and for answers the time. */
const PAGE: { readonly [T in ReadTable]: string } = {
  formulas: `
SELECT seq, pg_catalog.encode(fingerprint, 'hex') AS id, search AS "searchKey", document FROM formula_intake.formulas
WHERE seq > $1 ORDER BY seq LIMIT $2`,
  answers: `
SELECT pg_catalog.replace(slot::text, '-', '') AS slot, pg_catalog.encode(payload, 'hex') AS payload,
  pg_catalog.replace(submission::text, '-', '') AS submission, status, kept,
  coalesce(added[1], 0) AS "firstAdded", pg_catalog.cardinality(added) AS added, submitted_at AS "submittedAt",
  expires_at AS "expiresAt"
FROM formula_intake.answers WHERE slot > $1::uuid AND expires_at > $3 ORDER BY answers.slot LIMIT $2`,
  erased: `
SELECT seq, pg_catalog.encode(fingerprint, 'hex') AS id FROM formula_intake.erased WHERE seq > $1 ORDER BY seq LIMIT $2`,
  events: `
SELECT position, pg_catalog.encode(fingerprint, 'hex') AS id, formula, at AS "createdAt", body
FROM formula_intake.events WHERE position > $1 ORDER BY position LIMIT $2`,
  subscriptions: `
SELECT id, name, created_at AS "createdAt", paused, position FROM formula_intake.subscriptions
WHERE id > $1 ORDER BY id LIMIT $2`,
  deliveries: `
SELECT subscription, position, state, rank, receives, behind AS after, died_at AS "diedAt", reason, detail,
  pg_catalog.encode(fingerprint, 'hex') AS id, formula, at AS "createdAt", body FROM formula_intake.deliveries
WHERE (subscription, position) > ($1::integer, $2::bigint) ORDER BY subscription, position LIMIT $3`,
}

const NO_SLOT = '00000000-0000-0000-0000-000000000000'
const PAGE_ROWS = 2_000

/** Writes the contents of another store. Until the move has ended, the service refuses to start on the database. */
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
   * Begins a move or resumes an interrupted one.
   * @returns the numbers of the last formula and answer that have been copied
   * @throws {StoreRefused} when the move has already ended, or the database holds other rows
   */
  async begin(): Promise<{ formulas: number; answers: number }> {
    await migrate(this.#database)
    const [move] = await this.#database.query(MOVE, [this.#source])
    if (move?.done === true) throw new StoreRefused('The store has already been moved to this database')
    if (move !== undefined) return { formulas: move.formulas as number, answers: move.answers as number }
    if (!(await this.#database.value(IS_EMPTY))) throw new StoreRefused('The database to move to is not empty')
    await this.#database.query(BEGIN_MOVE, [this.#source])
    return { formulas: 0, answers: 0 }
  }

  async add<T extends MovedTable>(table: T, rows: MovedRows[T][]): Promise<void> {
    const copied = COPIED[table]
    const last = rows.at(-1) as { seq?: number }
    await this.#database.transaction(async (query) => {
      await query(ADD[table], columnsOf(rows, ...MOVED_COLUMNS[table]))
      if (copied !== undefined) await query(copied, [this.#source, last.seq])
    })
  }

  /** Clears all that a resumed move copies again. */
  clearRest(): Promise<void> {
    return this.#database.execute(CLEAR_REST)
  }

  /** Ends the move: the service may start on the database. */
  async end({ storeId, queueId, queueLocation }: MovedIdentity, last: MovedNumbers): Promise<void> {
    await this.#database.transaction(async (query) => {
      await query(TAKE_IDENTITY, [storeId, queueId, queueLocation])
      await query(SET_SEQUENCES, [last.formula, last.death])
      await query(SET_HEAD, [last.position])
      await query(END_MOVE, [this.#source])
    })
  }

  /** Reads a table back. Answers have no `seq`, and those that have expired at `now` are left out. */
  async *pages<T extends ReadTable>(table: T, now: number): AsyncIterable<MovedRows[T][]> {
    const key = PAGE_KEYS[table]
    const more = table === 'answers' ? [now] : []
    for (let after: unknown[] = key.map((column) => (column === 'slot' ? NO_SLOT : 0)); ; ) {
      const page = (await this.#database.query(PAGE[table], [
        ...after,
        PAGE_ROWS,
        ...more,
      ])) as unknown[] as MovedRows[T][]
      const last = page.at(-1)
      if (last === undefined) return
      yield page
      after = key.map((column) => last[column])
    }
  }
}
