import { StoreUnavailable } from '../errors/store-errors.ts'
import type { Deadline } from '../kit/deadline.ts'
import { reasonOf } from '../kit/reason.ts'
import type {
  Decision,
  EventQueue,
  FormulaDb,
  IdempotencyStore,
  OpenAttempt,
  StoredAnswer,
  Submission,
  Verdict,
} from '../stores/ports.ts'
import type { CommitStrategy } from './commit-strategy.ts'
import type { SubmissionObserver } from './observer.ts'

type Completed = Extract<Decision, { kind: 'completed' }>

const ABANDONED: Decision = { kind: 'abandoned' }

interface SagaStores {
  db: FormulaDb
  queue: EventQueue
  idempotency: IdempotencyStore
}

/**
 * Keeps a database and a queue of two engines in step. (1) Durable intent and pending formulas, (2) events published
 * held, (3) complete, the commit point, (4) events released. What fails before (3) is compensated in reverse order, by
 * attempt; after (3) it only goes forward.
 */
export class Saga implements CommitStrategy {
  readonly #db: FormulaDb
  readonly #queue: EventQueue
  readonly #idempotency: IdempotencyStore
  /** The attempt that is still to be compensated, by submission. */
  readonly #owed = new Map<string, string>()
  readonly #running = new Set<string>()
  readonly #observer: SubmissionObserver
  readonly #onLate: (attemptId: string, error: unknown) => void

  /** @param onLate told of a completed attempt whose last steps are left to the background */
  constructor(
    { db, queue, idempotency }: SagaStores,
    observer: SubmissionObserver,
    onLate: (attemptId: string, error: unknown) => void,
  ) {
    this.#db = db
    this.#queue = queue
    this.#idempotency = idempotency
    this.#observer = observer
    this.#onLate = onLate
  }

  /** The attempts of this process that are not decided, as far as it knows. */
  get running(): string[] {
    return [...this.#running, ...this.#owed.values()]
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
      return answered(submission, await this.#forward(id, decision, deadline))
    } catch (error) {
      this.#owed.set(submission.id, id)
      const answer = await this.settle(submission, deadline, reasonOf(error)).catch(() => null)
      if (answer !== null) return answered(submission, answer)
      throw error
    } finally {
      this.#running.delete(id)
    }
  }

  /** The compensating rollback, in reverse order: queue, then database. */
  async settle(
    submission: Submission,
    deadline: Deadline,
    reason = 'The submission failed',
  ): Promise<StoredAnswer | null> {
    const id = this.#owed.get(submission.id)
    if (id === undefined) return null
    const decision = await deadline.bound(this.#db.abandon(id, reason))
    if (decision.kind === 'completed') {
      this.#owed.delete(submission.id)
      return this.#forward(id, decision, deadline)
    }
    await deadline.bound(this.#queue.remove(id))
    await deadline.bound(this.#db.remove(id))
    // An answer whose reply was lost, of an attempt with nothing to publish or one that is finished already, is kept.
    const kept = await deadline.bound(this.#idempotency.find(submission.caller, submission.key))
    this.#owed.delete(submission.id)
    if (kept?.submissionId === submission.id) return kept.answer
    this.#observer.rolledBack('done')
    return null
  }

  /**
   * Works off one attempt that a crash or a failing store has left: releases the events of a completed one, rolls back
   * any other.
   * @throws {Error} when a store fails: it is still owed
   */
  async workOff({ id, decision }: OpenAttempt): Promise<void> {
    if (decision.kind === 'completed') {
      await this.#queue.release(id, decision.events)
      await this.#db.finish(id)
    } else {
      await this.#queue.remove(id)
      await this.#db.remove(id)
    }
  }

  /** After the commit point: the answer stands, whether or not the events can be released at once. */
  async #forward(id: string, decision: Completed, deadline: Deadline): Promise<StoredAnswer> {
    const late = (error: unknown): void => this.#onLate(id, error)
    try {
      await deadline.bound(this.#queue.release(id, decision.events))
      this.#db.finish(id).catch(late)
    } catch (error) {
      late(error)
    }
    return decision.answer
  }
}

const answered = ({ id }: Submission, answer: StoredAnswer): Verdict => ({ kind: 'answered', submissionId: id, answer })
