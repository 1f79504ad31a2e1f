import { backoffMs } from '../kit/backoff.ts'
import { Deadline, isoTime, waitFor } from '../kit/clock.ts'
import { reasonOf } from '../kit/reason.ts'
import type { Answer, Cleanup } from '../stores/ports.ts'
import type { CommitStrategy } from './commit-strategy.ts'
import type { OrchestratorOptions } from './options.ts'
import { type LoggedSubmission, logFields } from './submission.ts'

/** How long settling failed attempts may take at a time, in milliseconds. */
export const SETTLE_MS = 1_000

interface PendingRollback {
  submission: LoggedSubmission
  reason: string
  attempts: number
  createdAt: number
  nextAttemptAt: number
  wake: PromiseWithResolvers<void>
}

/**
 * Retries the failed rollbacks of this process until the stores answer. Those that a store has recorded as cleanups are
 * retried by the recovery worker as well. If the process ends first, start-up recovers what a saga left.
 */
export class PendingRollbacks {
  readonly #strategy: CommitStrategy
  readonly #options: OrchestratorOptions
  readonly #signal: AbortSignal
  readonly #pending = new Map<string, PendingRollback>()
  readonly #running = new Set<Promise<void>>()

  constructor(strategy: CommitStrategy, options: OrchestratorOptions, signal: AbortSignal) {
    this.#strategy = strategy
    this.#options = options
    this.#signal = signal
  }

  /** @param onSettled called once: with the answer if the submission turns out to be accepted, else with null */
  add(submission: LoggedSubmission, reason: string, onSettled: (answer: Answer | null) => void): void {
    const now = this.#options.clock.now()
    const wake = Promise.withResolvers<void>()
    const rollback = { submission, reason, attempts: 0, createdAt: now, nextAttemptAt: now, wake }
    this.#pending.set(submission.id, rollback)
    const running = this.#retryUntilSettled(rollback).then((answer) => {
      this.#pending.delete(submission.id)
      this.#running.delete(running)
      onSettled(answer)
    })
    this.#running.add(running)
  }

  /**
   * Retries a rollback now.
   * @param id the id of the submission or of one of its attempts
   * @returns false when no rollback of this id is pending
   */
  retry(id: string): boolean {
    const rollback = this.#pending.get(submissionOf(id))
    rollback?.wake.resolve()
    return rollback !== undefined
  }

  /** Adds the pending rollbacks that are not among the stored cleanups already. */
  mergeInto(stored: Cleanup[]): Cleanup[] {
    const known = new Set(stored.map(({ id }) => submissionOf(id)))
    const unknown = [...this.#pending.values()].filter(({ submission }) => !known.has(submission.id))
    return [...stored, ...unknown.map(toCleanup)]
  }

  async ended(): Promise<void> {
    await Promise.all(this.#running)
  }

  async #retryUntilSettled(rollback: PendingRollback): Promise<Answer | null> {
    const { clock, random, log } = this.#options
    for (;;) {
      const pause = backoffMs(rollback.attempts + 1, this.#options, random)
      rollback.nextAttemptAt = clock.now() + pause
      rollback.wake = Promise.withResolvers()
      if ((await waitFor(rollback.wake.promise, pause, clock, this.#signal)) === 'stopped') return null
      try {
        return await this.#strategy.settle(rollback.submission, new Deadline(clock, SETTLE_MS))
      } catch (error) {
        rollback.attempts++
        rollback.reason = reasonOf(error)
        log.warn({ ...logFields(rollback.submission), err: error }, 'A rollback is still owed')
      }
    }
  }
}

/** `Saga` names attempts `<submission>.<number>`. */
const submissionOf = (id: string): string => id.replace(/\.\d+$/, '')

function toCleanup({ submission, reason, attempts, createdAt, nextAttemptAt }: PendingRollback): Cleanup {
  return {
    id: submission.id,
    formulaIds: submission.formulas.map(({ id }) => id),
    reason,
    attempts,
    createdAt: isoTime(createdAt),
    nextAttemptAt: isoTime(nextAttemptAt),
  }
}
