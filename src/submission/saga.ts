import { reasonOf } from '../errors/reason.ts'
import { StoreUnavailable } from '../errors/store-errors.ts'
import type {
  Decision,
  EventQueue,
  FormulaDb,
  OpenAttempt,
  StoredAnswer,
  Submission,
  Verdict,
} from '../stores/ports.ts'
import type { Deadline } from './deadline.ts'
import type { Way } from './way.ts'

type Completed = Extract<Decision, { kind: 'completed' }>

const ABANDONED: Decision = { kind: 'abandoned' }

interface SagaStores {
  db: FormulaDb
  queue: EventQueue
}

/**
 * Keeps a database and a queue of two engines in step. (1) Durable intent and pending formulas, (2) events published
 * held, (3) complete, the commit point, (4) events released. What fails before (3) is compensated in reverse order, by
 * attempt; after (3) it only goes forward.
 */
export class Saga implements Way {
  readonly #db: FormulaDb
  readonly #queue: EventQueue
  /** Attempts whose compensation has failed, by submission. */
  readonly #owed = new Map<string, Set<string>>()
  readonly #onLate: (attemptId: string, error: unknown) => void

  /** @param onLate told of a completed attempt whose last steps are left to the background */
  constructor({ db, queue }: SagaStores, onLate: (attemptId: string, error: unknown) => void) {
    this.#db = db
    this.#queue = queue
    this.#onLate = onLate
  }

  async attempt(submission: Submission, attempt: number, deadline: Deadline): Promise<Verdict> {
    const earlier = await this.settle(submission, deadline)
    if (earlier !== null) return answered(submission, earlier)
    const id = `${submission.id}.${attempt}`
    try {
      const verdict = await deadline.bound(this.#db.add(id, submission))
      if (verdict.kind !== 'added') return verdict
      const published = await deadline.bound(this.#queue.publish(id, verdict.events))
      const decision = published ? await deadline.bound(this.#db.complete(id)) : ABANDONED
      if (decision.kind === 'abandoned') throw new StoreUnavailable('The attempt was rolled back by another')
      return answered(submission, await this.#forward(id, decision, deadline))
    } catch (error) {
      this.#owe(submission.id, id)
      const answer = await this.settle(submission, deadline, reasonOf(error)).catch(() => null)
      if (answer !== null) return answered(submission, answer)
      throw error
    }
  }

  /** The compensating rollback, in reverse order: queue, then database. */
  async settle(
    submission: Submission,
    deadline: Deadline,
    reason = 'The submission failed',
  ): Promise<StoredAnswer | null> {
    for (const id of this.#owed.get(submission.id) ?? []) {
      const decision = await deadline.bound(this.#db.abandon(id, reason))
      if (decision.kind === 'abandoned') {
        await deadline.bound(this.#queue.remove(id))
        await deadline.bound(this.#db.remove(id))
      }
      this.#paid(submission.id, id)
      if (decision.kind === 'completed') return this.#forward(id, decision, deadline)
    }
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

  #owe(submissionId: string, id: string): void {
    const owed = this.#owed.get(submissionId) ?? new Set()
    this.#owed.set(submissionId, owed.add(id))
  }

  #paid(submissionId: string, id: string): void {
    const owed = this.#owed.get(submissionId)
    owed?.delete(id)
    if (owed?.size === 0) this.#owed.delete(submissionId)
  }
}

const answered = ({ id }: Submission, answer: StoredAnswer): Verdict => ({ kind: 'answered', submissionId: id, answer })
