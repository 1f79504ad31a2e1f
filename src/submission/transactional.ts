import type { Deadline } from '../kit/deadline.ts'
import type { IdempotencyStore, Intake, StoredAnswer, Submission, Verdict } from '../stores/ports.ts'
import type { CommitStrategy } from './commit-strategy.ts'
import type { SubmissionObserver } from './observer.ts'

/**
 * Claim, formulas, events and answer in one transaction: the engine's own rollback is the compensation, and the kept
 * answer tells what became of a commit whose outcome was lost.
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

  async settle(submission: Submission, deadline: Deadline): Promise<StoredAnswer | null> {
    await deadline.bound(this.#intake.giveUp(submission.id))
    const kept = await deadline.bound(this.#idempotency.find(submission.caller, submission.key))
    if (kept?.submissionId === submission.id) return kept.answer
    this.#observer.rolledBack('done')
    return null
  }
}
