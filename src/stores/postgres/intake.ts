import { randomUUID } from 'node:crypto'
import { StoreUnavailable } from '../../errors/store-errors.ts'
import type { Clock } from '../../kit/clock.ts'
import { type Admission, BatchScheduler } from '../batch-scheduler.ts'
import { type Accepted, decide, eventsOf, isNewlyAccepted } from '../decide.ts'
import { slotOf } from '../kept-answer.ts'
import {
  type AddVerdict,
  type IdempotencyStore,
  type Intake,
  type KeyRecord,
  type OnCommit,
  OWNER_LEASE_MS,
  type Submission,
  type SubmissionStatus,
  type Verdict,
} from '../ports.ts'
import { columnsOf, type Database, DURABLE, type GivenTime, NOW, sweepOf, UniqueViolation } from './database.ts'
import { findAnswer, findStatus, type Known, lookUp, nothingKnown } from './lookup.ts'
import type { ReadyNotifier } from './ready-notifier.ts'
import { SWEEP_TOMBSTONES } from './saga.ts'
import { WritesInDoubt } from './writes-in-doubt.ts'

/** A batch with this many formulas is full. */
const MAX_FORMULAS = 4_096
/** A batch with this many characters of documents is full, so that no submission waits for a huge statement. */
const MAX_CHARACTERS = 4 * 2 ** 20
/** Maximum number of attempts to write a batch while other instances store conflicting rows first. */
const MAX_ROUNDS = 10
/** How long the ids of writes are kept, in milliseconds. A write in doubt is resolved long before. */
const WRITES_KEPT_MS = 3_600_000

/** Voids a write unless it took effect: then it never will. Waits for a write in progress. $1 time, $2 id of the write. */
const MAKE_VOID = `
WITH write AS (
  INSERT INTO formula_intake.writes AS w VALUES ($2::uuid, ${NOW}, true)
  ON CONFLICT (id) DO UPDATE SET void = w.void RETURNING void
)
SELECT void, ${DURABLE} FROM write`

/** $1 time, $2 limit. */
const SWEEP_ANSWERS = sweepOf('answers', {
  key: 'slot',
  where: `expires_at <= ${NOW} AND attempt IS NULL`,
  oldestBy: 'expires_at',
})

/** $1 time, $2 limit, $3 age in ms. */
const SWEEP_WRITES = sweepOf('writes', { key: 'id', where: `at < ${NOW} - $3::bigint`, oldestBy: 'at' })

interface IntakeOptions {
  clock: Clock
  time: GivenTime
  notifier: ReadyNotifier
  answerTtlMs: number
  onCommit: OnCommit
  erase: Intake['erase']
}

/** A submission of a batch. */
export interface BatchItem {
  submission: Submission
  slot: string
  /** The saga's attempt; null when events are published in the same transaction. */
  attempt: string | null
  /** Its slot and its compositions. */
  claims: string[]
  /** The length of its documents, in characters. */
  length: number
}

export function toBatchItem(submission: Submission, attempt: string | null): BatchItem {
  const slot = slotOf(submission.caller, submission.key)
  const claims = [slot, ...submission.formulas.map(({ id }) => id)]
  const length = submission.formulas.reduce((sum, { document }) => sum + document.length, 0)
  return { submission, slot, attempt, claims, length }
}

type Planned = { item: BatchItem; plan: Accepted }
type Results = Map<BatchItem, AddVerdict | Error>

/**
 * Lets only one submission per key or composition be in flight. A second one would violate a unique index, which fails
 * its whole batch.
 */
export class Claims {
  readonly #claimed = new Set<string>()

  admit(): (item: BatchItem) => Admission {
    const wanted = new Set<string>()
    let [formulas, characters] = [0, 0]
    return ({ claims, submission, length }) => {
      if (formulas >= MAX_FORMULAS || characters >= MAX_CHARACTERS) return 'full'
      if (claims.some((claim) => this.#claimed.has(claim) || wanted.has(claim))) {
        for (const claim of claims) wanted.add(claim)
        return 'waits'
      }
      for (const claim of claims) this.#claimed.add(claim)
      formulas += submission.formulas.length
      characters += length
      return 'joins'
    }
  }

  release(items: BatchItem[]): void {
    for (const { claims } of items) for (const claim of claims) this.#claimed.delete(claim)
  }
}

/** Stores submissions in batches, with their events or, in a saga, with an intent. */
export class PostgresIntake implements Intake, IdempotencyStore {
  readonly #database: Database
  readonly #options: IntakeOptions
  readonly #claims = new Claims()
  readonly #batches = new BatchScheduler<BatchItem, AddVerdict>({
    run: (items) => this.#commit(items).finally(() => this.#claims.release(items)),
    admit: () => this.#claims.admit(),
  })
  /** When submissions were given up, in milliseconds since the epoch. */
  readonly #givenUp = new Map<string, number>()
  readonly #inDoubt = new WritesInDoubt()

  constructor(database: Database, options: IntakeOptions) {
    this.#database = database
    this.#options = options
  }

  /** @throws {StoreUnavailable} the outcome is unknown */
  async accept(submission: Submission, notAfter = Number.POSITIVE_INFINITY): Promise<Verdict> {
    const { id, caller, key } = submission
    if (this.#givenUp.has(id)) {
      const kept = await this.find(caller, key)
      return kept?.submissionId === id
        ? { kind: 'answered', submissionId: id, answer: kept.answer }
        : { kind: 'given-up' }
    }
    const verdict = await this.#batches.add(toBatchItem(submission, null), notAfter - this.#options.clock.now())
    if (verdict.kind === 'added') throw new Error('Only a saga stores a submission without its answer')
    // The key is taken from now on, so no earlier write of this submission can take effect.
    if (verdict.kind === 'answered' || verdict.kind === 'reused') this.#inDoubt.end(id)
    if (isNewlyAccepted(verdict, submission)) this.#options.notifier.notify()
    return verdict
  }

  /** @throws {StoreUnavailable} the outcome is unknown */
  add(attempt: string, submission: Submission): Promise<AddVerdict> {
    return this.#batches.add(toBatchItem(submission, attempt))
  }

  /** @throws {StoreUnavailable} */
  async giveUp(submissionId: string): Promise<void> {
    this.#givenUp.set(submissionId, this.#options.clock.now())
    for (const write of this.#inDoubt.of(submissionId)) {
      await this.#makeVoid(write.id)
      this.#inDoubt.delete(write)
    }
  }

  erase(id: string): Promise<boolean> {
    return this.#options.erase(id)
  }

  find(caller: string, key: string): Promise<KeyRecord | null> {
    return findAnswer(this.#database, this.#options.time, { caller, key })
  }

  status(caller: string, key: string): Promise<SubmissionStatus | null> {
    return findStatus(this.#database, this.#options.time, { caller, key })
  }

  async sweep(limit: number): Promise<number> {
    const { clock, time, answerTtlMs } = this.#options
    const expired = clock.now() - answerTtlMs
    for (const [id, at] of this.#givenUp) if (at < expired) this.#givenUp.delete(id)
    const swept = [
      await this.#database.query(SWEEP_ANSWERS, [time(), limit]),
      await this.#database.query(SWEEP_WRITES, [time(), limit, WRITES_KEPT_MS]),
      await this.#database.query(SWEEP_TOMBSTONES, [time(), limit, answerTtlMs]),
    ]
    // The caller sweeps again while the limit is reached, so report the largest number.
    return Math.max(...swept.map(({ length }) => length))
  }

  async #commit(items: BatchItem[]): Promise<(AddVerdict | Error)[]> {
    const began = performance.now()
    const decided: Results = new Map()
    let failure: Error = new StoreUnavailable('Other instances kept storing conflicting rows first')
    await this.#decideAll(items, decided).catch((error: Error) => {
      failure = error
    })
    const results = items.map((item) => decided.get(item) ?? failure)
    const committed = results.filter((result) => !(result instanceof Error)).length
    if (committed > 0) this.#options.onCommit(committed, (performance.now() - began) / 1000)
    return results
  }

  /** Writes all accepted items at once; those that conflict with stored rows are looked up and decided again. */
  async #decideAll(items: BatchItem[], results: Results): Promise<void> {
    let open = items
    for (let round = 0; open.length > 0 && round < MAX_ROUNDS; round++) {
      // Most submissions conflict with nothing: the first round looks nothing up.
      const known = round === 0 ? nothingKnown() : await lookUp(this.#database, this.#options.time, open)
      const planned: Planned[] = []
      for (const item of open) {
        const decision = this.#decide(item, known)
        if (decision.kind === 'accepted') planned.push({ item, plan: decision })
        else results.set(item, decision)
      }
      open = planned.length === 0 ? [] : await this.#write(planned, results)
    }
  }

  #decide({ submission, slot, attempt }: BatchItem, known: Known): AddVerdict | Accepted {
    const own = attempt === null ? undefined : known.intents.get(attempt)
    if (own?.state === 'pending') return { kind: 'added', events: own.events }
    const isVoid = attempt === null && this.#givenUp.has(submission.id)
    const isAnswered = known.answers.get(slot)?.submissionId === submission.id
    if ((isVoid || own !== undefined) && !isAnswered) return { kind: 'given-up' }
    return decide(submission, {
      answer: () => known.answers.get(slot) ?? null,
      running: () => known.running.get(slot) ?? null,
      formula: (id) => known.formulas.get(id) ?? null,
      claimed: (id) => known.pending.get(id) ?? null,
    })
  }

  /** @returns the items to decide again: they conflict with stored rows, or it is unknown which of them do */
  async #write(planned: Planned[], results: Results): Promise<BatchItem[]> {
    // A saga's submissions are never in doubt: the intent shows whether the write took effect.
    const submissions = planned.flatMap(({ item }) => (item.attempt === null ? item.submission.id : []))
    const write = { id: randomUUID(), submissions }
    this.#inDoubt.add(write)
    try {
      const { time, answerTtlMs } = this.#options
      const values = [time(), write.id, answerTtlMs, OWNER_LEASE_MS, ...writeColumns(planned)]
      const refused = new Set(await this.#database.call<number[]>('write', ...values))
      this.#inDoubt.delete(write)
      for (const [index, { item, plan }] of planned.entries()) {
        if (!refused.has(index + 1)) results.set(item, verdictOf(item, plan))
      }
      return planned.flatMap(({ item }, index) => (refused.has(index + 1) ? item : []))
    } catch (error) {
      const isVoid = error instanceof UniqueViolation ? null : await this.#makeVoid(write.id).catch(() => 'unknown')
      if (isVoid !== 'unknown') this.#inDoubt.delete(write)
      if (isVoid === null || isVoid === false) return planned.map(({ item }) => item)
      for (const { item } of planned) results.set(item, error as Error)
      return []
    }
  }

  /** @returns whether the write is void; if not, it took effect */
  async #makeVoid(id: string): Promise<boolean> {
    return (await this.#database.value(MAKE_VOID, [this.#options.time(), id])) === true
  }
}

function verdictOf({ submission, attempt }: BatchItem, { added, answer }: Accepted): AddVerdict {
  if (attempt !== null && added.length > 0) return { kind: 'added', events: eventsOf(added, submission) }
  return { kind: 'answered', submissionId: submission.id, answer }
}

function writeColumns(planned: Planned[]): unknown[] {
  let last = 0
  const members = planned.map(({ item: { submission, slot, attempt }, plan }) => {
    const { id, payload, createdAt } = submission
    const first = last + 1
    last += plan.added.length
    return { slot, payload, id, attempt, status: plan.answer.status, kept: plan.kept, createdAt, first, last }
  })
  const formulas = planned.flatMap(({ plan }, index) =>
    plan.added.map((formula) => ({ member: index + 1, ...formula })),
  )
  return [
    ...columnsOf(members, 'slot', 'payload', 'id', 'attempt', 'status', 'kept', 'createdAt', 'first', 'last'),
    ...columnsOf(formulas, 'member', 'id', 'searchKey', 'document', 'eventBody'),
  ]
}
