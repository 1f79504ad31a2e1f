import { hash } from 'node:crypto'
import { PostgresWriter } from '../postgres/postgres-writer.ts'
import { SqliteReader } from '../sqlite/sqlite-reader.ts'
import { MOVED_COLUMNS, type MovedRows, type MovedTable } from './moved-rows.ts'

/** Reports the progress of one part after the other. */
export interface Progress {
  /** @param total the number of rows of this part */
  begin(what: string, total: number): void
  add(rows: number): void
  end(): void
}

interface MoveOptions {
  /** The SQLite file. */
  from: string
  /** The URL of the PostgreSQL database. */
  to: string
  /** In milliseconds since the epoch; answers that have expired are not moved. */
  now: number
  progress: Progress
}

/** What was moved. `partly`: the service runs on the file, so only formulas were copied. */
export type Moved =
  | { kind: 'partly'; formulas: number }
  | { kind: 'whole'; formulas: number; answers: number; events: number }

/** The copy differs from its source. */
export class MoveDiffers extends Error {
  constructor(what: string, from: Digest, to: Digest) {
    super(`${what} differ: expected ${from.count} (${from.hash}), found ${to.count} (${to.hash})`)
    this.name = 'MoveDiffers'
  }
}

/**
 * Moves the contents of a SQLite file to PostgreSQL. An interrupted move can be run again: formulas and answers resume,
 * the queue starts over. Finally the copy is read back and compared by count and hash.
 * @throws {StoreRefused} when source or target cannot be used
 * @throws {MoveDiffers} when the copy differs; the service does not start on it
 */
export async function moveStore({ from, to, now, progress }: MoveOptions): Promise<Moved> {
  const source = new SqliteReader(from)
  const target = new PostgresWriter(to, source.storeId())
  try {
    const identity = source.isLocked ? source.identity() : null
    const done = await target.begin()
    progress.begin('formulas', source.formulasAfter(done.formulas))
    await copy(target, 'formulas', source.formulaPages(done.formulas), progress)
    if (identity === null) return { kind: 'partly', formulas: source.formulasAfter(0) }
    progress.begin('answers', source.answersAfter(done.answers, now))
    await copy(target, 'answers', source.answerPages(done.answers, now), progress)
    progress.begin('events', source.events())
    await target.clearRest()
    await copy(target, 'erased', source.erasedPages())
    await copy(target, 'events', source.eventPages(), progress)
    await copy(target, 'subscriptions', source.subscriptionPages())
    await copy(target, 'deliveries', source.deliveryPages())
    await copy(target, 'marks', source.markPages())
    const counts = await compare(source, target, now, progress)
    await target.end(identity, source.numbers())
    return { kind: 'whole', ...counts }
  } finally {
    progress.end()
    await target.close()
    source.close()
  }
}

async function copy<T extends MovedTable>(
  target: PostgresWriter,
  table: T,
  pages: Iterable<MovedRows[T][]>,
  progress?: Progress,
): Promise<void> {
  for (const page of pages) {
    await target.add(table, page)
    progress?.add(page.length)
  }
  progress?.end()
}

async function compare(source: SqliteReader, target: PostgresWriter, now: number, progress: Progress) {
  /** @returns the number of rows, equal on both sides */
  async function compareTable<T extends Exclude<MovedTable, 'marks'>>(table: T, pages: Iterable<MovedRows[T][]>) {
    const [from, to] = [new Digest(), new Digest()]
    const values = (row: MovedRows[T]): unknown[] => MOVED_COLUMNS[table].map((column) => row[column])
    for (const page of pages) for (const row of page) from.add(values(row))
    for await (const page of target.pages(table, now)) {
      for (const row of page) to.add(values(row))
      if (table === 'formulas' || table === 'answers' || table === 'events') progress.add(page.length)
    }
    if (from.count !== to.count || from.hash !== to.hash) {
      throw new MoveDiffers(
        table.replace(/^./, (letter) => letter.toUpperCase()),
        from,
        to,
      )
    }
    return from.count
  }

  progress.begin('rows read back', source.formulasAfter(0) + source.answersAfter(0, now) + source.events())
  const formulas = await compareTable('formulas', source.formulaPages(0))
  const answers = await compareTable('answers', source.answerPages(0, now))
  await compareTable('erased', source.erasedPages())
  const events = await compareTable('events', source.eventPages())
  await compareTable('subscriptions', source.subscriptionPages())
  await compareTable('deliveries', source.deliveryPages())
  progress.end()
  return { formulas, answers, events }
}

const MODULUS = 1n << 128n

/** The number of rows, and a hash over them that does not depend on their order. */
class Digest {
  count = 0
  #sum = 0n

  add(row: readonly unknown[]): void {
    this.count++
    this.#sum = (this.#sum + BigInt(`0x${hash('sha256', JSON.stringify(row), 'hex').slice(0, 32)}`)) % MODULUS
  }

  /** In hex. */
  get hash(): string {
    return this.#sum.toString(16).padStart(32, '0')
  }
}
