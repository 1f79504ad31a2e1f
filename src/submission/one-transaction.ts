import type { IdempotencyStore, Intake, StoredAnswer, Submission, Verdict } from '../stores/ports.ts'
import type { Deadline } from './deadline.ts'
import type { Way } from './way.ts'

/**
 * Claim, formulas, events and answer in one transaction: the engine's own rollback is the compensation, and the kept
 * answer tells what became of a commit whose outcome was lost.
 */
export class OneTransaction implements Way {
  readonly #intake: Intake
  readonly #idempotency: IdempotencyStore

  constructor(intake: Intake, idempotency: IdempotencyStore) {
    this.#intake = intake
    this.#idempotency = idempotency
  }

  attempt(submission: Submission, _attempt: number, deadline: Deadline): Promise<Verdict> {
    return deadline.bound(this.#intake.accept(submission, deadline.at))
  }

  async settle(submission: Submission, deadline: Deadline): Promise<StoredAnswer | null> {
    await deadline.bound(this.#intake.giveUp(submission.id))
    const kept = await deadline.bound(this.#idempotency.find(submission.caller, submission.key))
    return kept?.submissionId === submission.id ? kept.answer : null
  }
}
