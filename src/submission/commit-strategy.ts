import type { Deadline } from '../kit/clock.ts'
import type { Answer, IdempotencyStore, Intake, Submission, Verdict } from '../stores/ports.ts'
import type { SubmissionObserver } from './options.ts'

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
  settle(submission: Submission, deadline: Deadline): Promise<Answer | null>
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

  async settle(submission: Submission, deadline: Deadline): Promise<Answer | null> {
    await deadline.bound(this.#intake.giveUp(submission.id))
    const stored = await deadline.bound(this.#idempotency.find(submission.caller, submission.key))
    if (stored?.submissionId === submission.id) return stored.answer
    this.#observer.rolledBack('done')
    return null
  }
}
