import type { Clock } from '../../kit/clock.ts'
import { eventsOf } from '../decide.ts'
import type { Intake, Submission, Verdict } from '../ports.ts'
import type { MemoryEventQueue } from './event-queue.ts'
import type { MemoryFormulaDb } from './formula-db.ts'
import type { MemoryIdempotencyStore } from './idempotency-store.ts'

/** Accepts submissions into a database and a queue that both lie in memory. */
export class MemoryIntake implements Intake {
  readonly #clock: Clock
  readonly #db: MemoryFormulaDb
  readonly #queue: MemoryEventQueue
  readonly #answers: MemoryIdempotencyStore

  constructor(clock: Clock, db: MemoryFormulaDb, queue: MemoryEventQueue, answers: MemoryIdempotencyStore) {
    this.#clock = clock
    this.#db = db
    this.#queue = queue
    this.#answers = answers
  }

  async accept(submission: Submission): Promise<Verdict> {
    const isOwn = this.#answers.peek(submission)?.submissionId === submission.id
    if (!isOwn && this.#answers.givenUp.get(submission.id)) return { kind: 'given-up' }
    const verdict = this.#db.decide(submission)
    if (verdict.kind !== 'accepted') return verdict
    this.#db.formulas.add(verdict.added)
    this.#answers.keep(submission, verdict.answer)
    this.#queue.append(eventsOf(verdict.added, submission))
    return { kind: 'answered', submissionId: submission.id, answer: verdict.answer }
  }

  async giveUp(submissionId: string): Promise<void> {
    this.#answers.givenUp.add(submissionId, true, this.#clock.now())
  }
}
