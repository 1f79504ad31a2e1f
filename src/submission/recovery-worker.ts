import { backoffMs } from '../kit/backoff.ts'
import { Deadline, sleep, waitFor } from '../kit/clock.ts'
import { reasonOf } from '../kit/reason.ts'
import type { Cleanup, OpenAttempt, SubmissionStores } from '../stores/ports.ts'
import type { Saga } from './commit-strategy.ts'
import type { OrchestratorOptions } from './options.ts'

/** Interval of rounds and heartbeats, in milliseconds. */
const ROUND_MS = 1_000
/** Sweep every round while rows keep expiring; otherwise every SWEEP_ROUNDS. */
const SWEEP_ROUNDS = 10
/** How long the queue keeps marks of ended attempts, in milliseconds: no late call is expected after that. */
const TOMBSTONE_TTL_MS = 24 * 3_600_000
/** Rows removed per store call. */
const SWEEP_SIZE = 1_000
/** Timeout of a store call, in milliseconds: a store that hangs must not stop the worker for good. */
const STORE_TIMEOUT_MS = 10_000
const RECOVERY_BATCH = 100
const MAX_LISTED = 1_000

/** Finishes cleanups, erasures and unreleased events in the background, and sweeps expired keys, tombstones and events. */
export class RecoveryWorker {
  readonly #stores: SubmissionStores
  readonly #saga: Saga
  readonly #options: OrchestratorOptions
  readonly #signal: AbortSignal
  readonly #onRecovered: (attemptId: string) => void
  /** Attempts under recovery. Heartbeats name them, so that other instances leave them alone. */
  readonly #recovering = new Set<string>()
  #wake = Promise.withResolvers<void>()
  #running: Promise<unknown> = Promise.resolve()

  /** @param onRecovered called for each attempt that was finished or rolled back */
  constructor(
    stores: SubmissionStores,
    saga: Saga,
    options: OrchestratorOptions,
    signal: AbortSignal,
    onRecovered: (attemptId: string) => void,
  ) {
    this.#stores = stores
    this.#saga = saga
    this.#options = options
    this.#signal = signal
    this.#onRecovered = onRecovered
  }

  /** Starts the worker. Resolves after one attempt to finish everything that a crash left. */
  async start(): Promise<void> {
    const heartbeats = this.#sendHeartbeats()
    this.#running = heartbeats
    if (this.#stores.intake === null) {
      await this.#bound(this.#stores.cleanups.adoptOrphans())
      await this.#recoverDue()
    }
    this.#running = Promise.all([this.#loop(), heartbeats])
  }

  async ended(): Promise<void> {
    await this.#running
  }

  cleanups(): Promise<Cleanup[]> {
    return this.#stores.cleanups.list(MAX_LISTED)
  }

  async retry(id: string): Promise<boolean> {
    const found = await this.#stores.cleanups.retry(id)
    this.#wake.resolve()
    return found
  }

  async #loop(): Promise<void> {
    let roundsToSweep = SWEEP_ROUNDS
    for (;;) {
      this.#wake = Promise.withResolvers()
      if ((await waitFor(this.#wake.promise, ROUND_MS, this.#options.clock, this.#signal)) === 'stopped') return
      try {
        if (this.#stores.intake === null) await this.#recoverDue()
        if (--roundsToSweep <= 0) roundsToSweep = (await this.#sweep()) ? 1 : SWEEP_ROUNDS
      } catch (error) {
        this.#options.log.warn({ err: error }, 'Background work failed and will be tried again')
      }
    }
  }

  /** Runs apart from recovery, so that a slow store call delays no heartbeat. */
  async #sendHeartbeats(): Promise<void> {
    const { clock, log } = this.#options
    while (this.#stores.intake === null && !this.#signal.aborted) {
      await sleep(clock, ROUND_MS, this.#signal)
      try {
        await this.#bound(this.#stores.cleanups.heartbeat([...this.#saga.running, ...this.#recovering]))
      } catch (error) {
        log.warn({ err: error }, 'A heartbeat failed: other instances may roll back what this one runs')
      }
    }
  }

  async #recoverDue(): Promise<void> {
    let due: OpenAttempt[]
    do {
      due = await this.#bound(this.#stores.cleanups.due(RECOVERY_BATCH))
      for (const { id } of due) this.#recovering.add(id)
      try {
        for (const attempt of due) await this.recover(attempt)
      } finally {
        this.#recovering.clear()
      }
    } while (due.length === RECOVERY_BATCH && !this.#signal.aborted)
  }

  /** @returns whether it is done; if not, it is due again after a pause */
  async recover(attempt: OpenAttempt): Promise<boolean> {
    const { clock, random, log } = this.#options
    try {
      await this.#bound(this.#saga.recover(attempt))
      this.#recovering.delete(attempt.id)
      this.#onRecovered(attempt.id)
      return true
    } catch (error) {
      const reason = reasonOf(error)
      log.warn({ attempt: attempt.id, err: error }, 'A cleanup failed and will be tried again')
      const pause = backoffMs(attempt.attempts + 1, this.#options, random)
      await this.#bound(this.#stores.cleanups.postpone(attempt.id, reason, clock.now() + pause))
      return false
    }
  }

  /** @returns whether anything was removed */
  async #sweep(): Promise<boolean> {
    const { cleanups, idempotency, queue } = this.#stores
    const answers = await this.#sweepAll(() => idempotency.sweep(SWEEP_SIZE))
    // Keep the mark of a completed attempt until the attempt is finished: without it, recovery would append its events again.
    const oldest = (await this.#bound(cleanups.oldestUnfinished())) ?? Infinity
    const olderThan = Math.min(this.#options.clock.now() - TOMBSTONE_TTL_MS, oldest)
    const tombstones = await this.#sweepAll(() => queue.sweep(olderThan, SWEEP_SIZE))
    const trimBefore = this.#options.clock.now() - this.#options.retentionMs
    const events = await this.#sweepAll(() => queue.trim(trimBefore, SWEEP_SIZE))
    return answers || tombstones || events
  }

  /** Removes rows in batches until one is not full. @returns whether anything was removed */
  async #sweepAll(sweep: () => Promise<number>): Promise<boolean> {
    for (let total = 0; ; ) {
      const removed = await this.#bound(sweep())
      total += removed
      if (removed < SWEEP_SIZE || this.#signal.aborted) return total > 0
    }
  }

  #bound<T>(call: Promise<T>): Promise<T> {
    return new Deadline(this.#options.clock, STORE_TIMEOUT_MS).bound(call)
  }
}
