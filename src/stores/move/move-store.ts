import { PostgresWriter } from '../postgres/postgres-writer.ts'
import { SqliteReader } from '../sqlite/sqlite-reader.ts'
import { Digest } from './digest.ts'
import type { MovedAnswer, MovedDelivery, MovedEvent, MovedFormula, MovedSubscription } from './moved-rows.ts'

/** What is being done, for whoever watches. */
export interface Progress {
  /** @param total how many rows it is about */
  begin(what: string, total: number): void
  add(rows: number): void
  end(): void
}

export interface MoveOptions {
  /** The SQLite file. */
  from: string
  /** The URL of the PostgreSQL database. */
  to: string
  /** Milliseconds since the epoch: answers that have expired are left behind. */
  now: number
  progress: Progress
}

/** What was moved: `partly` while the service runs on the file, which only formulas can be copied from. */
export type Moved =
  | { kind: 'partly'; formulas: number }
  | { kind: 'whole'; formulas: number; answers: number; events: number }

/** The copy is not what was copied. */
export class MoveDiffers extends Error {
  constructor(what: string, from: Digest, to: Digest) {
    super(`${what} differ: ${from.count} (${from.hash}) were to be moved, ${to.count} (${to.hash}) are there`)
    this.name = 'MoveDiffers'
  }
}

/**
 * Moves a SQLite file's contents to PostgreSQL. It can be interrupted at any time and run again: formulas and answers go
 * on where they were, the queue begins anew. What is there in the end is read back and compared by count and hash.
 * @throws {StoreRefused} when either must not be used so
 * @throws {MoveDiffers} when the copy is not the same: the service does not start on it
 */
export async function moveStore({ from, to, now, progress }: MoveOptions): Promise<Moved> {
  const source = new SqliteReader(from)
  const target = new PostgresWriter(to, source.storeId())
  try {
    const identity = source.isStill ? source.identity() : null
    const done = await target.begin()
    progress.begin('formulas', source.formulasAfter(done.formulas))
    await copy(source.formulaPages(done.formulas), (page) => target.addFormulas(page), progress)
    if (identity === null) return { kind: 'partly', formulas: source.formulasAfter(0) }
    progress.begin('answers', source.answersAfter(done.answers, now))
    await copy(source.answerPages(done.answers, now), (page) => target.addAnswers(page), progress)
    await copyQueue(source, target, progress)
    const counts = await compare(source, target, now, progress)
    await target.end(identity, source.numbers())
    return { kind: 'whole', ...counts }
  } finally {
    await target.close()
    source.close()
  }
}

async function copy<R>(pages: Iterable<R[]>, add: (page: R[]) => Promise<void>, progress: Progress): Promise<void> {
  for (const page of pages) {
    await add(page)
    progress.add(page.length)
  }
  progress.end()
}

async function copyQueue(source: SqliteReader, target: PostgresWriter, progress: Progress): Promise<void> {
  progress.begin('events', source.events())
  await target.clearQueue()
  await copy(source.eventPages(), (page) => target.addEvents(page), progress)
  for (const page of source.subscriptionPages()) await target.addSubscriptions(page)
  for (const page of source.deliveryPages()) await target.addDeliveries(page)
  for (const page of source.markPages()) await target.addMarks(page)
}

async function compare(source: SqliteReader, target: PostgresWriter, now: number, progress: Progress) {
  progress.begin('rows read back', source.formulasAfter(0) + source.answersAfter(0, now) + source.events())
  const isKept = ({ expiresAt }: { expiresAt: number }): boolean => expiresAt > now
  const formulas = await agreed('Formulas', source.formulaPages(0), target.formulaPages(), formulaFields, progress)
  const answers = await agreed(
    'Answers',
    source.answerPages(0, now),
    filtered(target.answerPages(), isKept),
    answerFields,
    progress,
  )
  const events = await agreed('Events', source.eventPages(), target.eventPages(), eventFields, progress)
  await agreed('Subscriptions', source.subscriptionPages(), target.subscriptionPages(), subscriptionFields)
  await agreed('Deliveries', source.deliveryPages(), target.deliveryPages(), deliveryFields)
  progress.end()
  return { formulas, answers, events }
}

/** @returns how many rows there are on both sides */
async function agreed<R>(
  what: string,
  from: Iterable<R[]>,
  to: AsyncIterable<R[]>,
  fields: (row: R) => unknown[],
  progress?: Progress,
): Promise<number> {
  const [source, target] = [new Digest(), new Digest()]
  for (const page of from) for (const row of page) source.add(fields(row))
  for await (const page of to) {
    for (const row of page) target.add(fields(row))
    progress?.add(page.length)
  }
  if (!source.equals(target)) throw new MoveDiffers(what, source, target)
  return source.count
}

async function* filtered<R>(pages: AsyncIterable<R[]>, keep: (row: R) => boolean): AsyncIterable<R[]> {
  for await (const page of pages) yield page.filter(keep)
}

const formulaFields = ({ seq, id, searchKey, document }: MovedFormula) => [seq, id, searchKey, document]

const answerFields = (answer: Omit<MovedAnswer, 'seq'>) => {
  const { slot, payload, submission, status, kept, firstAdded, added, expiresAt } = answer
  return [slot, payload, submission, status, kept, firstAdded, added, expiresAt]
}

const eventFields = ({ position, id, formula, createdAt, body }: MovedEvent) => [position, id, formula, createdAt, body]

const subscriptionFields = ({ id, name, createdAt, paused, position }: MovedSubscription) => [
  id,
  name,
  createdAt,
  paused,
  position,
]

const deliveryFields = (delivery: MovedDelivery) => {
  const { subscription, position, state, rank, receives, after, diedAt, reason, detail } = delivery
  const { id, formula, createdAt, body } = delivery
  return [subscription, position, state, rank, receives, after, diedAt, reason, detail, id, formula, createdAt, body]
}
