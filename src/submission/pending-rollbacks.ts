import { backoffMs } from '../kit/backoff.ts'
import { isoTime } from '../kit/clock.ts'
import { Deadline, SETTLE_MS } from '../kit/deadline.ts'
import { reasonOf } from '../kit/reason.ts'
import { waitFor } from '../kit/wait.ts'
import type { Cleanup, StoredAnswer, Submission } from '../stores/ports.ts'
import type { CommitStrategy } from './commit-strategy.ts'
import type { OrchestratorOptions } from './options.ts'
import { logFields, type Tracked } from './tracked.ts'

interface Owed {
  submission: Submission & Tracked
  reason: string
  attempts: number
  createdAt: number
  nextAttemptAt: number
  wake: PromiseWithResolvers<void>
}

/**
 * Rollbacks that no store would take, not even as a cleanup. They are tried again until a store answers; should the
 * process end first, nothing runs any more that could bring the attempt about, and start-up recovers its intent.
 */
export class PendingRollbacks {
  readonly #strategy: CommitStrategy
  readonly #options: OrchestratorOptions
  readonly #signal: AbortSignal
  readonly #owed = new Map<string, Owed>()
  readonly #running = new Set<Promise<void>>()

  constructor(way: CommitStrategy, options: OrchestratorOptions, signal: AbortSignal) {
    this.#strategy = way
    this.#options = options
    this.#signal = signal
  }

  /** @param done told once: the answer if the submission turns out to be accepted, else null */
  add(submission: Submission & Tracked, reason: string, done: (answer: StoredAnswer | null) => void): void {
    const now = this.#options.clock.now()
    const wake = Promise.withResolvers<void>()
    const owed: Owed = { submission, reason, attempts: 0, createdAt: now, nextAttemptAt: now, wake }
    this.#owed.set(submission.id, owed)
    const running = this.#workOff(owed).then((answer) => {
      this.#owed.delete(submission.id)
      this.#running.delete(running)
      done(answer)
    })
    this.#running.add(running)
  }

  /**
   * Tries a rollback again now.
   * @param id of the submission, or of one of its attempts
   * @returns false when none of this id is owed
   */
  retry(id: string): boolean {
    const owed = this.#owed.get(submissionOf(id))
    owed?.wake.resolve()
    return owed !== undefined
  }

  /** These, and those of `kept` that are not the same rollback as the database knows it. */
  listedWith(kept: Cleanup[]): Cleanup[] {
    const known = new Set(kept.map(({ id }) => submissionOf(id)))
    const unknown = [...this.#owed.values()].filter(({ submission }) => !known.has(submission.id))
    return [...kept, ...unknown.map(toCleanup)]
  }

  async ended(): Promise<void> {
    await Promise.all(this.#running)
  }

  async #workOff(owed: Owed): Promise<StoredAnswer | null> {
    const { clock, random, log } = this.#options
    for (;;) {
      const pause = backoffMs(owed.attempts + 1, this.#options, random)
      owed.nextAttemptAt = clock.now() + pause
      owed.wake = Promise.withResolvers()
      if ((await waitFor(owed.wake.promise, pause, clock, this.#signal)) === 'stopped') return null
      try {
        return await this.#strategy.settle(owed.submission, new Deadline(clock, SETTLE_MS))
      } catch (error) {
        owed.attempts++
        owed.reason = reasonOf(error)
        log.warn({ ...logFields(owed.submission), err: error }, 'A rollback is still owed')
      }
    }
  }
}

/** The submission that an attempt belongs to; see Saga. */
const submissionOf = (id: string): string => id.replace(/\.\d+$/, '')

function toCleanup({ submission, reason, attempts, createdAt, nextAttemptAt }: Owed): Cleanup {
  return {
    id: submission.id,
    formulaIds: submission.formulas.map(({ id }) => id),
    reason,
    attempts,
    createdAt: isoTime(createdAt),
    nextAttemptAt: isoTime(nextAttemptAt),
  }
}
