import { backoffMs } from '../kit/backoff.ts'
import { sleep } from '../kit/clock.ts'
import { Deadline } from '../kit/deadline.ts'
import { reasonOf } from '../kit/reason.ts'
import { waitFor } from '../kit/wait.ts'
import type { Cleanup, OpenAttempt, Stores } from '../stores/ports.ts'
import type { OrchestratorOptions } from './options.ts'
import type { Saga } from './saga.ts'

/** How often the background looks for work, in milliseconds. */
const ROUND_MS = 1_000
/**
 * It sweeps what has expired each time as long as there is something, since seldom would mean much at once; else every
 * so many rounds.
 */
const SWEEP_ROUNDS = 10
/** Marks of attempts are kept so long, in milliseconds: a call that arrives later than that is not expected. */
const MARK_TTL_MS = 24 * 3_600_000
const SWEEP_SIZE = 1_000
/** How long the background waits for a store, in milliseconds: one that hangs must not end its work for good. */
const PATIENCE_MS = 10_000
const DUE_AT_ONCE = 100
const MOST_LISTED = 1_000

/** Works off cleanups and unreleased events until none is left, and sweeps expired keys and marks. */
export class RecoveryWorker {
  readonly #stores: Stores
  readonly #saga: Saga
  readonly #options: OrchestratorOptions
  readonly #signal: AbortSignal
  readonly #onDone: (attemptId: string) => void
  /** Attempts that other instances leave to this one as long as it is heard of. */
  readonly #taken = new Set<string>()
  #wake = Promise.withResolvers<void>()
  #running: Promise<unknown> = Promise.resolve()

  /** @param onDone told of each attempt that has been worked off */
  constructor(
    stores: Stores,
    saga: Saga,
    options: OrchestratorOptions,
    signal: AbortSignal,
    onDone: (attemptId: string) => void,
  ) {
    this.#stores = stores
    this.#saga = saga
    this.#options = options
    this.#signal = signal
    this.#onDone = onDone
  }

  /** Takes up what a crash has left; resolves when it has been tried once. */
  async start(): Promise<void> {
    const beating = this.#beat()
    this.#running = beating
    if (this.#stores.intake === null) {
      await this.#bound(this.#stores.cleanups.adoptOrphans())
      await this.#workOffDue()
    }
    this.#running = Promise.all([this.#loop(), beating])
  }

  async ended(): Promise<void> {
    await this.#running
  }

  cleanups(): Promise<Cleanup[]> {
    return this.#stores.cleanups.list(MOST_LISTED)
  }

  async retry(id: string): Promise<boolean> {
    const found = await this.#stores.cleanups.retry(id)
    this.#wake.resolve()
    return found
  }

  async #loop(): Promise<void> {
    let rest = SWEEP_ROUNDS
    for (;;) {
      this.#wake = Promise.withResolvers()
      if ((await waitFor(this.#wake.promise, ROUND_MS, this.#options.clock, this.#signal)) === 'stopped') return
      try {
        if (this.#stores.intake === null) await this.#workOffDue()
        if (--rest <= 0) rest = (await this.#sweep()) ? 1 : SWEEP_ROUNDS
      } catch (error) {
        this.#options.log.warn({ err: error }, 'Background work failed and will be tried again')
      }
    }
  }

  /** Tells other instances that this one is alive, whatever its work waits for. */
  async #beat(): Promise<void> {
    const { clock, log } = this.#options
    while (this.#stores.intake === null && !this.#signal.aborted) {
      await sleep(clock, ROUND_MS, this.#signal)
      try {
        await this.#bound(this.#stores.cleanups.heartbeat([...this.#saga.running, ...this.#taken]))
      } catch (error) {
        log.warn({ err: error }, 'A heartbeat failed: other instances may roll back what this one runs')
      }
    }
  }

  async #workOffDue(): Promise<void> {
    let due: OpenAttempt[]
    do {
      due = await this.#bound(this.#stores.cleanups.due(DUE_AT_ONCE))
      for (const { id } of due) this.#taken.add(id)
      try {
        for (const attempt of due) await this.#workOff(attempt)
      } finally {
        this.#taken.clear()
      }
    } while (due.length === DUE_AT_ONCE && !this.#signal.aborted)
  }

  async #workOff(attempt: OpenAttempt): Promise<void> {
    const { clock, random, log } = this.#options
    try {
      await this.#bound(this.#saga.workOff(attempt))
      this.#taken.delete(attempt.id)
      this.#onDone(attempt.id)
    } catch (error) {
      const reason = reasonOf(error)
      log.warn({ attempt: attempt.id, err: error }, 'A cleanup failed and will be tried again')
      const pause = backoffMs(attempt.attempts + 1, this.#options, random)
      await this.#bound(this.#stores.cleanups.postpone(attempt.id, reason, clock.now() + pause))
    }
  }

  /** @returns whether there was anything */
  async #sweep(): Promise<boolean> {
    const { cleanups, idempotency, queue } = this.#stores
    const answers = await this.#sweepAll(() => idempotency.sweep(SWEEP_SIZE))
    // What is completed and still to be finished needs its mark, or it would be published anew.
    const oldest = (await this.#bound(cleanups.oldestUnfinished())) ?? Infinity
    const olderThan = Math.min(this.#options.clock.now() - MARK_TTL_MS, oldest)
    const marks = await this.#sweepAll(() => queue.sweep(olderThan, SWEEP_SIZE))
    return answers || marks
  }

  /** Slice by slice, until a slice is not full. */
  async #sweepAll(sweep: () => Promise<number>): Promise<boolean> {
    for (let swept = 0; ; ) {
      const slice = await this.#bound(sweep())
      swept += slice
      if (slice < SWEEP_SIZE || this.#signal.aborted) return swept > 0
    }
  }

  #bound<T>(call: Promise<T>): Promise<T> {
    return new Deadline(this.#options.clock, PATIENCE_MS).bound(call)
  }
}
