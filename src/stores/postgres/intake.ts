import { randomUUID } from 'node:crypto'
import { StoreUnavailable } from '../../errors/store-errors.ts'
import { searchKey } from '../../formula/name-search.ts'
import type { Clock } from '../../kit/clock.ts'
import { eventsOf } from '../decide.ts'
import {
  type AddVerdict,
  type KeyRecord,
  type OnCommit,
  OWNER_LEASE_MS,
  type Submission,
  type Verdict,
} from '../ports.ts'
import { type BatchItem, decide, type Known, nothingKnown, type Plan, slotOf, toBatchItem } from './batch-item.ts'
import { type Database, Taken } from './database.ts'
import { GroupCommit } from './group-commit.ts'
import { FIND, MAKE_VOID, WRITE } from './intake-statements.ts'
import { lookUp, toKeyRecord } from './lookup.ts'
import type { GivenTime } from './time.ts'

/** How often a batch is written that others keep getting ahead of. */
const ROUNDS = 10

interface IntakeOptions {
  clock: Clock
  time: GivenTime
  answerTtlMs: number
  onCommit: OnCommit
}

type Result = AddVerdict | Error

/** A member that is not decided yet, and its place in the batch. */
interface Open {
  index: number
  member: BatchItem
}

/** A member as it was judged at `now`, in milliseconds since the epoch. */
interface Planned extends Open {
  now: number
  plan: Plan
}

/** Stores submissions in batches, with their events, or (for a saga) with an intent. */
export class PostgresIntake {
  readonly #database: Database
  readonly #options: IntakeOptions
  readonly #batches = new GroupCommit((members) => this.#commit(members))
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
    return this.#batches.add(toBatchItem(submission, attempt), Number.POSITIVE_INFINITY)
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
    return row === undefined ? null : toKeyRecord(row)
  }

  /** Forgets what was given up so long ago that no answer of that time is kept. */
  forgetGivenUp(): void {
    const until = this.#options.clock.now() - this.#options.answerTtlMs
    for (const [id, at] of this.#givenUp) if (at < until) this.#givenUp.delete(id)
  }

  async #commit(members: BatchItem[]): Promise<Result[]> {
    const began = performance.now()
    const results: Result[] = []
    const open = members.map((member, index) => ({ member, index }))
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
   * Writes each as it is judged; what meets something else is judged again by what is there, until all are decided.
   * @returns those that are not decided after many rounds
   */
  async #decideAll(members: Open[], results: Result[]): Promise<Open[]> {
    const { clock, time } = this.#options
    let known = nothingKnown()
    let open = members
    for (let round = 0; open.length > 0 && round < ROUNDS; round++) {
      if (round > 0) {
        known = await lookUp(
          this.#database,
          time,
          open.map(({ member }) => member),
        )
      }
      const now = clock.now()
      const planned: Planned[] = []
      for (const { member, index } of open) {
        const decision = this.#decide(member, known, now)
        if ('plan' in decision) planned.push({ member, index, now, plan: decision.plan })
        else results[index] = decision.verdict
      }
      open = planned.length === 0 ? [] : await this.#write(planned, results)
    }
    return open
  }

  #decide(member: BatchItem, known: Known, now: number): ReturnType<typeof decide> {
    const { id } = member.submission
    const isVoid = member.attempt === null && this.#givenUp.has(id)
    if (isVoid && known.answers.get(member.slot)?.submissionId !== id) return { verdict: { kind: 'given-up' } }
    return decide(member, known, now)
  }

  /** @returns those that are not decided: they met something, or nobody knows which of them did */
  async #write(planned: Planned[], results: Result[]): Promise<Planned[]> {
    const write = randomUUID()
    // Those of a saga are given up by their attempt: an intent says what became of them.
    const alone = planned.filter(({ member }) => member.attempt === null)
    if (alone.length > 0) this.#inDoubt.set(write, new Set(alone.map(({ member }) => member.submission.id)))
    try {
      const { time, answerTtlMs } = this.#options
      const columns = [...memberColumns(planned), ...formulaColumns(planned)]
      const values = [time(), write, answerTtlMs, OWNER_LEASE_MS, ...columns]
      const [row] = await this.#database.query(WRITE, values)
      this.#inDoubt.delete(write)
      const refused = new Set(row?.refused as number[])
      for (const [ordinal, { index, member, plan }] of planned.entries()) {
        if (!refused.has(ordinal + 1)) results[index] = verdictOf(member, plan)
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

function verdictOf({ submission, attempt }: BatchItem, { added, answer }: Plan): AddVerdict {
  if (attempt !== null && added.length > 0) return { kind: 'added', events: eventsOf(added, submission) }
  return { kind: 'answered', submissionId: submission.id, answer }
}

const isAnyTraced = (planned: Planned[]): boolean =>
  planned.some(({ member }) => member.submission.traceparent !== undefined)

/** One array for each column. */
function memberColumns(planned: Planned[]): unknown[] {
  const column = (of: (planned: Planned) => unknown): unknown[] => planned.map(of)
  return [
    column(({ member }) => member.slot),
    column(({ member }) => member.submission.caller),
    column(({ member }) => member.submission.key),
    column(({ member }) => member.submission.payload),
    column(({ member }) => member.submission.id),
    column(({ member }) => member.attempt),
    isAnyTraced(planned) ? column(({ member }) => member.submission.traceparent ?? null) : null,
    column(({ plan }) => plan.answer.status),
    column(({ plan }) => plan.answer.location),
    column(({ plan }) => plan.answer.body),
  ]
}

function formulaColumns(planned: Planned[]): unknown[] {
  const rows = planned.flatMap(({ plan, now }, ordinal) =>
    plan.added.map(({ id, name, materials }) => ({ member: ordinal + 1, id, name, materials, now })),
  )
  return [
    rows.map(({ member }) => member),
    rows.map(({ id }) => id),
    rows.map(({ name }) => name),
    rows.map(({ name }) => searchKey(name)),
    rows.map(({ materials }) => materials),
    rows.map(({ now }) => now),
  ]
}
