import { backoffMs } from '../kit/backoff.ts'
import { Deadline, isoTime, waitFor } from '../kit/clock.ts'
import { LineLimiter } from '../kit/line-limiter.ts'
import { reasonOf } from '../kit/reason.ts'
import type { Answer, Cleanup } from '../stores/ports.ts'
import type { CommitStrategy } from './commit-strategy.ts'
import type { OrchestratorOptions } from './options.ts'
import { type LoggedSubmission, logFields } from './submission.ts'

/** How long settling failed attempts may take at a time, in milliseconds. */
export const SETTLE_MS = 1_000
/** How many are settled at a time: thousands within seconds, and the store has room for new submissions. */
const MAX_AT_A_TIME = 32

interface PendingRollback {
  /** Without its documents, which may be large: the store may be away for hours. */
  submission: Pick<LoggedSubmission, 'id' | 'caller' | 'key' | 'requestId'>
  formulaIds: string[]
  reason: string
  attempts: number
  createdAt: number
  onSettled: (answer: Answer | null) => void
}

/**
 * Retries the failed rollbacks of this process until the stores answer. Those that a store has recorded as cleanups are
 * retried by the recovery worker as well. If the process ends first, start-up recovers what a saga left.
 */
export class PendingRollbacks {
  readonly #strategy: CommitStrategy
  readonly #options: OrchestratorOptions
  readonly #signal: AbortSignal
  /** By the id of the submission, oldest first. */
  readonly #pending = new Map<string, PendingRollback>()
  /** Those to retry now. */
  readonly #urgent = new Set<PendingRollback>()
  readonly #lines: LineLimiter
  #formulas = 0
  #wake = Promise.withResolvers<void>()
  #nextRoundAt = 0
  #running: Promise<void> | undefined

  constructor(strategy: CommitStrategy, options: OrchestratorOptions, signal: AbortSignal) {
    this.#strategy = strategy
    this.#options = options
    this.#signal = signal
    this.#lines = new LineLimiter(1, options.clock)
  }

  /** @param onSettled called once: with the answer if the submission turns out to be accepted, else with null */
  add(submission: LoggedSubmission, reason: string, onSettled: (answer: Answer | null) => void): void {
    const { id, caller, key, requestId, formulas } = submission
    const formulaIds = formulas.map((formula) => formula.id)
    const createdAt = this.#options.clock.now()
    const owner = { id, caller, key, requestId }
    this.#pending.set(id, { submission: owner, formulaIds, reason, attempts: 0, createdAt, onSettled })
    this.#formulas += formulaIds.length
    this.#running ??= this.#retryUntilSettled()
  }

  /** How many are owed, and how many formulas they have. */
  get load(): Readonly<{ submissions: number; formulas: number }> {
    return { submissions: this.#pending.size, formulas: this.#formulas }
  }

  /**
   * Retries a rollback now.
   * @param id the id of the submission or of one of its attempts
   * @returns false when no rollback of this id is pending
   */
  retry(id: string): boolean {
    const rollback = this.#pending.get(submissionOf(id))
    if (rollback === undefined) return false
    this.#urgent.add(rollback)
    this.#wake.resolve()
    return true
  }

  /** Adds the pending rollbacks that are not among the stored cleanups already. */
  mergeInto(stored: Cleanup[]): Cleanup[] {
    const known = new Set(stored.map(({ id }) => submissionOf(id)))
    const unknown = [...this.#pending.values()].filter(({ submission }) => !known.has(submission.id))
    return [...stored, ...unknown.map((rollback) => toCleanup(rollback, this.#nextRoundAt))]
  }

  async ended(): Promise<void> {
    await this.#running
  }

  /** Pauses between rounds: longer ones while no rollback can be settled. */
  async #retryUntilSettled(): Promise<void> {
    const { clock, random } = this.#options
    for (let failures = 0; this.#pending.size > 0; ) {
      const pause = backoffMs(failures + 1, this.#options, random)
      this.#nextRoundAt = clock.now() + pause
      if ((await waitFor(this.#wake.promise, pause, clock, this.#signal)) === 'stopped') break
      this.#wake = Promise.withResolvers()
      failures = (await this.#settleAll()) ? 0 : failures + 1
    }
    this.#running = undefined
  }

  /**
   * Settles the urgent ones first, or a single one if none is urgent, then the others in groups. Ends after a group of
   * which none could be settled: the store is probably away.
   * @returns whether any was settled
   */
  async #settleAll(): Promise<boolean> {
    // Those that failed least come first, so that a few that always fail hold nobody up.
    const others = [...this.#pending.values()].sort((a, b) => a.attempts - b.attempts)
    const due = [...new Set([...this.#urgent, ...others])]
    let size = Math.min(MAX_AT_A_TIME, Math.max(1, this.#urgent.size))
    this.#urgent.clear()
    let isAnySettled = false
    // New urgent ones begin the next round, at once.
    while (due.length > 0 && this.#urgent.size === 0 && !this.#signal.aborted) {
      const settled = await Promise.all(due.splice(0, size).map((rollback) => this.#settle(rollback)))
      if (!settled.includes(true)) break
      isAnySettled = true
      size = MAX_AT_A_TIME
    }
    return isAnySettled
  }

  /** @returns whether it is settled */
  async #settle(rollback: PendingRollback): Promise<boolean> {
    const { submission, formulaIds, onSettled } = rollback
    let answer: Answer | null
    try {
      answer = await this.#strategy.settle(submission, new Deadline(this.#options.clock, SETTLE_MS))
    } catch (error) {
      rollback.attempts++
      rollback.reason = reasonOf(error)
      this.#logFailure(submission, error)
      return false
    }
    this.#pending.delete(submission.id)
    this.#urgent.delete(rollback)
    this.#formulas -= formulaIds.length
    onSettled(answer)
    return true
  }

  #logFailure(submission: PendingRollback['submission'], error: unknown): void {
    if (!this.#lines.admitOrDrop()) return
    const leftOut = this.#lines.countWritten()
    const fields = { ...logFields(submission), err: error, ...(leftOut > 0 && { leftOut }) }
    this.#options.log.warn(fields, 'A rollback is still owed')
  }
}

/** `Saga` names attempts `<submission>.<number>`. */
const submissionOf = (id: string): string => id.replace(/\.\d+$/, '')

function toCleanup(rollback: PendingRollback, nextAttemptAt: number): Cleanup {
  const { submission, formulaIds, reason, attempts, createdAt } = rollback
  return {
    id: submission.id,
    formulaIds,
    reason,
    attempts,
    createdAt: isoTime(createdAt),
    nextAttemptAt: isoTime(nextAttemptAt),
  }
}
