import { StoreUnavailable } from '../errors/store-errors.ts'
import type { Deadline } from '../kit/clock.ts'
import { reasonOf } from '../kit/reason.ts'
import type {
  Answer,
  Decision,
  EventQueue,
  FormulaDb,
  IdempotencyStore,
  Intake,
  OpenAttempt,
  Submission,
  SubmissionStores,
  Verdict,
} from '../stores/ports.ts'
import type { SubmissionObserver } from './options.ts'

/** What settling needs of a submission. */
type Attempted = Pick<Submission, 'id' | 'caller' | 'key'>

/** Stores formulas and publishes their events: all or nothing. */
export interface CommitStrategy {
  /**
   * Attempts once. After a failure it tries to roll the attempt back.
   * @param attempt the number of the attempt within its submission, from 1
   * @throws {Error} when a store fails; the effect is unknown until `settle`
   */
  attempt(submission: Submission, attempt: number, deadline: Deadline): Promise<Verdict>
  /**
   * Ends failed attempts: no earlier call of theirs can take effect afterwards.
   * @returns the answer if one of them took effect, or null if nothing of them is left
   * @throws {Error} when a store fails: the rollback is still pending
   */
  settle(submission: Attempted, deadline: Deadline): Promise<Answer | null>
}

/**
 * Claim, formulas, events and answer commit in one transaction. The engine's rollback is the compensation; the stored
 * answer shows whether a commit of unknown outcome took effect.
 */
export class TransactionalCommit implements CommitStrategy {
  readonly #intake: Intake
  readonly #idempotency: IdempotencyStore
  readonly #observer: SubmissionObserver

  constructor(intake: Intake, idempotency: IdempotencyStore, observer: SubmissionObserver) {
    this.#intake = intake
    this.#idempotency = idempotency
    this.#observer = observer
  }

  attempt(submission: Submission, _attempt: number, deadline: Deadline): Promise<Verdict> {
    return deadline.bound(this.#intake.accept(submission, deadline.at))
  }

  async settle(submission: Attempted, deadline: Deadline): Promise<Answer | null> {
    await deadline.bound(this.#intake.giveUp(submission.id))
    const stored = await deadline.bound(this.#idempotency.find(submission.caller, submission.key))
    if (stored?.submissionId === submission.id) return stored.answer
    this.#observer.rolledBack('done')
    return null
  }
}

type Completed = Extract<Decision, { kind: 'completed' }>

const ABANDONED: Decision = { kind: 'abandoned' }

/**
 * Keeps a database and a queue of different engines consistent: (1) durable intent and pending formulas, (2) events
 * published but held, (3) complete, which is the commit point, (4) events released. A failure before (3) is compensated in
 * reverse order, by attempt; after (3) it only goes forward.
 */
export class Saga implements CommitStrategy {
  readonly #db: FormulaDb
  readonly #queue: EventQueue
  readonly #idempotency: IdempotencyStore
  /** Failed attempts that are not settled yet, by submission. */
  readonly #unsettled = new Map<string, string>()
  readonly #running = new Set<string>()
  readonly #observer: SubmissionObserver
  readonly #onDeferred: (attemptId: string, error: unknown) => void

  /** @param onDeferred called for a completed attempt whose events are left to the recovery worker */
  constructor(
    { db, queue, idempotency }: Pick<SubmissionStores, 'db' | 'queue' | 'idempotency'>,
    observer: SubmissionObserver,
    onDeferred: (attemptId: string, error: unknown) => void,
  ) {
    this.#db = db
    this.#queue = queue
    this.#idempotency = idempotency
    this.#observer = observer
    this.#onDeferred = onDeferred
  }

  /** Attempts of this process that may still be undecided. */
  get running(): string[] {
    return [...this.#running, ...this.#unsettled.values()]
  }

  async attempt(submission: Submission, attempt: number, deadline: Deadline): Promise<Verdict> {
    const earlier = await this.settle(submission, deadline)
    if (earlier !== null) return answered(submission, earlier)
    const id = `${submission.id}.${attempt}`
    this.#running.add(id)
    try {
      const verdict = await deadline.bound(this.#db.add(id, submission))
      if (verdict.kind !== 'added') return verdict
      const published = await deadline.bound(this.#queue.publish(id, verdict.events))
      const decision = published ? await deadline.bound(this.#db.complete(id)) : ABANDONED
      if (decision.kind === 'abandoned') throw new StoreUnavailable('The attempt was rolled back by another')
      return answered(submission, await this.#releaseEvents(id, decision, deadline))
    } catch (error) {
      this.#unsettled.set(submission.id, id)
      const answer = await this.settle(submission, deadline, reasonOf(error)).catch(() => null)
      if (answer !== null) return answered(submission, answer)
      throw error
    } finally {
      this.#running.delete(id)
    }
  }

  /**
   * Decides first: an attempt that was completed meanwhile goes forward, and its answer is returned. Any other is rolled
   * back in reverse order: events, then formulas.
   */
  async settle(submission: Attempted, deadline: Deadline, reason = 'The submission failed'): Promise<Answer | null> {
    const id = this.#unsettled.get(submission.id)
    if (id === undefined) return null
    const decision = await deadline.bound(this.#db.abandon(id, reason))
    if (decision.kind === 'completed') {
      this.#unsettled.delete(submission.id)
      return this.#releaseEvents(id, decision, deadline)
    }
    await deadline.bound(this.#queue.remove(id))
    await deadline.bound(this.#db.remove(id))
    // The attempt may have been answered though the reply was lost: without events to publish, or finished already.
    const stored = await deadline.bound(this.#idempotency.find(submission.caller, submission.key))
    this.#unsettled.delete(submission.id)
    if (stored?.submissionId === submission.id) return stored.answer
    this.#observer.rolledBack('done')
    return null
  }

  /**
   * Ends one attempt that was left by a crash or a failing store: releases the events of a completed one, completes an
   * erasure, rolls back any other.
   * @throws {Error} when a store fails: the attempt stays open
   */
  async recover({ id, decision }: OpenAttempt): Promise<void> {
    if (decision.kind === 'completed') {
      await this.#queue.release(id, decision.events)
      await this.#db.finish(id)
    } else if (decision.kind === 'erased') {
      const { formula, unreleased } = decision
      for (const submission of unreleased) await this.recover(submission)
      await this.#queue.erase(formula.id, formula.seq)
      await this.#db.finish(id)
    } else {
      await this.#queue.remove(id)
      await this.#db.remove(id)
    }
  }

  /** After the commit point: the answer stands even if the events cannot be released now. */
  async #releaseEvents(id: string, decision: Completed, deadline: Deadline): Promise<Answer> {
    const deferred = (error: unknown): void => this.#onDeferred(id, error)
    try {
      await deadline.bound(this.#queue.release(id, decision.events))
      this.#db.finish(id).catch(deferred)
    } catch (error) {
      deferred(error)
    }
    return decision.answer
  }
}

const answered = ({ id }: Submission, answer: Answer): Verdict => ({ kind: 'answered', submissionId: id, answer })
