import { randomUUID } from 'node:crypto'
import { StoreUnavailable } from '../../errors/store-errors.ts'
import type { Clock } from '../../kit/clock.ts'
import { BatchScheduler } from '../batch-scheduler.ts'
import { type Accepted, eventsOf } from '../decide.ts'
import { slotOf } from '../kept-answer.ts'
import {
  type AddVerdict,
  type KeyRecord,
  type OnCommit,
  OWNER_LEASE_MS,
  type Submission,
  type Verdict,
} from '../ports.ts'
import { type BatchItem, Claims, decide, type Known, lookUp, nothingKnown, toBatchItem } from './batch-item.ts'
import { type Database, type GivenTime, Taken } from './database.ts'
import { FIND, MAKE_VOID, WRITE } from './intake-statements.ts'
import { readAnswers, toKept } from './kept-answers.ts'

/** How often a batch is written that others keep getting ahead of. */
const ROUNDS = 10

interface IntakeOptions {
  clock: Clock
  time: GivenTime
  answerTtlMs: number
  onCommit: OnCommit
}

type Result = AddVerdict | Error

/** An item that is not decided yet, and its place in the batch. */
interface Open {
  index: number
  item: BatchItem
}

/** An item as it was decided. */
interface Planned extends Open {
  plan: Accepted
}

/** Stores submissions in batches, with their events, or (for a saga) with an intent. */
export class PostgresIntake {
  readonly #database: Database
  readonly #options: IntakeOptions
  readonly #claims = new Claims()
  readonly #batches = new BatchScheduler<BatchItem, AddVerdict>({
    run: (items) => this.#commit(items).finally(() => this.#claims.release(items)),
    admit: () => this.#claims.admit(),
  })
  /** When submissions were given up, in milliseconds since the epoch. */
  readonly #givenUp = new Map<string, number>()
  /** Writes whose outcome is unknown, each with the submissions that it may store. */
  readonly #inDoubt = new Map<string, Set<string>>()

  constructor(database: Database, options: IntakeOptions) {
    this.#database = database
    this.#options = options
  }

  /** @throws {StoreUnavailable} with unknown outcome */
  async accept(submission: Submission, notAfter = Number.POSITIVE_INFINITY): Promise<Verdict> {
    const { id, caller, key } = submission
    if (this.#givenUp.has(id)) {
      const kept = await this.find(caller, key)
      return kept?.submissionId === id
        ? { kind: 'answered', submissionId: id, answer: kept.answer }
        : { kind: 'given-up' }
    }
    const verdict = await this.#batches.add(toBatchItem(submission, null), notAfter - this.#options.clock.now())
    if (verdict.kind === 'added') throw new Error('only a saga leaves a submission half done')
    // From now on its key is taken: no earlier write of it can take effect.
    if (verdict.kind === 'answered' || verdict.kind === 'reused') this.#trust(id)
    return verdict
  }

  /** @throws {StoreUnavailable} with unknown outcome */
  add(attempt: string, submission: Submission): Promise<AddVerdict> {
    return this.#batches.add(toBatchItem(submission, attempt))
  }

  /** @throws {StoreUnavailable} */
  async giveUp(submissionId: string): Promise<void> {
    this.#givenUp.set(submissionId, this.#options.clock.now())
    for (const [write, submissions] of this.#inDoubt) {
      if (!submissions.has(submissionId)) continue
      await this.#makeVoid(write)
      this.#inDoubt.delete(write)
    }
  }

  /** What is kept under a key, unless it has expired. */
  async find(caller: string, key: string): Promise<KeyRecord | null> {
    const [row] = await this.#database.query(FIND, [this.#options.time(), slotOf(caller, key)])
    if (row === undefined) return null
    const [answer] = await readAnswers((text, values) => this.#database.query(text, values), [toKept(row)])
    return {
      submissionId: row.submission as string,
      payload: row.payload as string,
      answer: answer as KeyRecord['answer'],
    }
  }

  /** Forgets what was given up so long ago that no answer of that time is kept. */
  forgetGivenUp(): void {
    const until = this.#options.clock.now() - this.#options.answerTtlMs
    for (const [id, at] of this.#givenUp) if (at < until) this.#givenUp.delete(id)
  }

  async #commit(items: BatchItem[]): Promise<Result[]> {
    const began = performance.now()
    const results: Result[] = []
    const open = items.map((item, index) => ({ item, index }))
    const left = await this.#decideAll(open, results).catch((error: Error) => {
      for (const { index } of open) results[index] ??= error
    })
    for (const { index } of left ?? []) {
      results[index] = new StoreUnavailable('Others kept getting ahead of the submission')
    }
    const committed = results.filter((result) => !(result instanceof Error)).length
    if (committed > 0) this.#options.onCommit(committed, (performance.now() - began) / 1000)
    return results
  }

  /**
   * Writes each as it is decided; what meets something else is decided again by what is there, until all are.
   * @returns those that are not decided after many rounds
   */
  async #decideAll(items: Open[], results: Result[]): Promise<Open[]> {
    let known = nothingKnown()
    let open = items
    for (let round = 0; open.length > 0 && round < ROUNDS; round++) {
      const wanted = open.map(({ item }) => item)
      if (round > 0) known = await lookUp(this.#database, this.#options.time, wanted)
      const planned: Planned[] = []
      for (const { item, index } of open) {
        const decision = this.#decide(item, known)
        if (decision.kind === 'accepted') planned.push({ item, index, plan: decision })
        else results[index] = decision
      }
      open = planned.length === 0 ? [] : await this.#write(planned, results)
    }
    return open
  }

  #decide(item: BatchItem, known: Known): ReturnType<typeof decide> {
    const { id } = item.submission
    const isVoid = item.attempt === null && this.#givenUp.has(id)
    if (isVoid && known.answers.get(item.slot)?.submissionId !== id) return { kind: 'given-up' }
    return decide(item, known)
  }

  /** @returns those that are not decided: they met something, or nobody knows which of them did */
  async #write(planned: Planned[], results: Result[]): Promise<Planned[]> {
    const write = randomUUID()
    // Those of a saga are given up by their attempt: an intent says what became of them.
    const alone = planned.filter(({ item }) => item.attempt === null)
    if (alone.length > 0) this.#inDoubt.set(write, new Set(alone.map(({ item }) => item.submission.id)))
    try {
      const { time, answerTtlMs } = this.#options
      const values = [time(), write, answerTtlMs, OWNER_LEASE_MS, ...memberColumns(planned), ...formulaColumns(planned)]
      const [row] = await this.#database.query(WRITE, values)
      this.#inDoubt.delete(write)
      const refused = new Set(row?.refused as number[])
      for (const [ordinal, { index, item, plan }] of planned.entries()) {
        if (!refused.has(ordinal + 1)) results[index] = verdictOf(item, plan)
      }
      return planned.filter((_, ordinal) => refused.has(ordinal + 1))
    } catch (error) {
      const isVoid = error instanceof Taken ? null : await this.#makeVoid(write).catch(() => 'unknown')
      if (isVoid !== 'unknown') this.#inDoubt.delete(write)
      if (isVoid === null || isVoid === false) return planned
      for (const { index } of planned) results[index] = error as Error
      return []
    }
  }

  /** No write of the submission is of interest any more. */
  #trust(submissionId: string): void {
    for (const [write, submissions] of this.#inDoubt) {
      if (submissions.delete(submissionId) && submissions.size === 0) this.#inDoubt.delete(write)
    }
  }

  /** @returns whether the write is void; it took effect otherwise */
  async #makeVoid(write: string): Promise<boolean> {
    const [row] = await this.#database.query(MAKE_VOID, [this.#options.time(), write])
    return row?.void === true
  }
}

function verdictOf({ submission, attempt }: BatchItem, { added, answer }: Accepted): AddVerdict {
  if (attempt !== null && added.length > 0) return { kind: 'added', events: eventsOf(added, submission) }
  return { kind: 'answered', submissionId: submission.id, answer }
}

/** One array for each column. */
function memberColumns(planned: Planned[]): unknown[] {
  const column = (of: (planned: Planned) => unknown): unknown[] => planned.map(of)
  let formulas = 0
  const lasts = planned.map(({ plan }) => {
    formulas += plan.added.length
    return formulas
  })
  return [
    column(({ item }) => item.slot),
    column(({ item }) => item.submission.payload),
    column(({ item }) => item.submission.id),
    column(({ item }) => item.attempt),
    column(({ plan }) => plan.answer.status),
    column(({ plan }) => plan.kept),
    column(({ item }) => item.submission.createdAt),
    lasts.map((last, ordinal) => last - (planned[ordinal] as Planned).plan.added.length + 1),
    lasts,
  ]
}

function formulaColumns(planned: Planned[]): unknown[] {
  const rows = planned.flatMap(({ plan }, ordinal) =>
    plan.added.map((formula) => ({ member: ordinal + 1, ...formula })),
  )
  return [
    rows.map(({ member }) => member),
    rows.map(({ id }) => id),
    rows.map(({ searchKey }) => searchKey),
    rows.map(({ document }) => document),
    rows.map(({ eventBody }) => eventBody),
  ]
}
