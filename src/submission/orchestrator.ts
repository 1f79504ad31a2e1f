import { backoffMs } from '../kit/backoff.ts'
import { sleep } from '../kit/clock.ts'
import { Deadline, SETTLE_MS } from '../kit/deadline.ts'
import { reasonOf } from '../kit/reason.ts'
import { waitFor } from '../kit/wait.ts'
import type { Cleanup, IdempotencyStore, StoredAnswer, Stores, Submission } from '../stores/ports.ts'
import { addedBy } from './added.ts'
import type { CommitStrategy } from './commit-strategy.ts'
import { InFlightSubmissions, type Run } from './in-flight-submissions.ts'
import { type SubmissionObserver, unobserved } from './observer.ts'
import type { OrchestratorOptions } from './options.ts'
import type { Outcome, SubmissionRequest } from './outcome.ts'
import { payloadHash } from './payload.ts'
import { PendingRollbacks } from './pending-rollbacks.ts'
import { RecoveryWorker } from './recovery-worker.ts'
import { Saga } from './saga.ts'
import type { Attempted } from './tracer.ts'
import { logFields, type Tracked } from './tracked.ts'
import { TransactionalCommit } from './transactional.ts'

/** How often a submission that waits for a make-up, or a key of another process, looks whether it is free. */
const LOOK_AGAIN_MS = 100

/**
 * Stores the formulas of a submission and publishes their events, all or nothing, exactly once for each key: one run a
 * key at a time, retried with backoff, rolled back when it fails for good.
 */
export class Orchestrator {
  readonly #options: OrchestratorOptions
  readonly #observer: SubmissionObserver
  readonly #strategy: CommitStrategy
  readonly #idempotency: IdempotencyStore
  readonly #inFlight = new InFlightSubmissions()
  #conducting = 0
  #waiting = 0
  /** The formulas of the submissions that are conducted or wait. */
  #formulas = 0
  #idle: PromiseWithResolvers<void> | undefined
  readonly #stopping = new AbortController()
  readonly #pending: PendingRollbacks
  readonly #recovery: RecoveryWorker

  constructor(stores: Stores, options: OrchestratorOptions) {
    this.#options = options
    const { observer = unobserved } = options
    this.#observer = observer
    const saga = new Saga(stores, observer, (attempt, error) =>
      options.log.warn({ attempt, err: error }, 'The events of an accepted submission will be released later'),
    )
    this.#idempotency = stores.idempotency
    this.#strategy =
      stores.intake === null ? saga : new TransactionalCommit(stores.intake, stores.idempotency, observer)
    this.#pending = new PendingRollbacks(this.#strategy, options, this.#stopping.signal)
    this.#recovery = new RecoveryWorker(stores, saga, options, this.#stopping.signal, (id) => this.#pending.retry(id))
  }

  /** Works off what a crash has left, then goes on doing so in the background. */
  start(): Promise<void> {
    return this.#recovery.start()
  }

  /** Ends every wait, of submissions and of the background; those that run go on to their end. */
  stop(): void {
    this.#stopping.abort()
  }

  /** Stops, and waits for everything that runs. */
  async close(): Promise<void> {
    this.stop()
    this.#idle ??= Promise.withResolvers()
    if (this.#conducting === 0) this.#idle.resolve()
    await Promise.all([this.#idle.promise, this.#pending.ended(), this.#recovery.ended()])
  }

  /** How much is under way, what waits for a submission of the same key included. */
  get load(): { submissions: number; formulas: number } {
    return { submissions: this.#conducting + this.#waiting, formulas: this.#formulas }
  }

  readonly cleanups = {
    list: async (): Promise<Cleanup[]> => this.#pending.listedWith(await this.#recovery.cleanups()),
    retry: async (id: string): Promise<boolean> => {
      const kept = await this.#recovery.retry(id)
      return this.#pending.retry(id) || kept
    },
  }

  /** Never rejects because a store fails: that is an outcome. */
  async submit(request: SubmissionRequest): Promise<Outcome> {
    const payload = payloadHash(request)
    const patience = new Deadline(this.#options.clock, this.#options.waitMs)
    for (;;) {
      if (this.#stopping.signal.aborted) return { kind: 'stopping' }
      const other = this.#inFlight.of(request)
      if (other === undefined) break
      if (other.payload !== payload && !other.owed) return this.#replayOrRefuse(request, payload, patience)
      const ended = await this.#waitFor(other, patience, request)
      if (ended === 'stopped') return { kind: 'stopping' }
      if (ended === 'late') return other.owed ? { kind: 'failed' } : { kind: 'in-use' }
      if (ended !== null) {
        if (other.payload !== payload) return { kind: 'reused' }
        return { kind: 'answered', submissionId: other.submissionId, answer: ended, replayed: true }
      }
    }
    const submission = { ...request, id: this.#options.newId(), payload }
    this.#conducting++
    this.#formulas += submission.formulas.length
    try {
      const run = this.#inFlight.begin(submission)
      return await this.#options.tracer.submission(submission, (traced) => this.#conduct(traced, run))
    } finally {
      this.#formulas -= submission.formulas.length
      if (--this.#conducting === 0) this.#idle?.resolve()
    }
  }

  /** Waits for the run that holds a key; a submission that waits is under way as well. */
  async #waitFor({ ended }: Run, { left }: Deadline, { formulas: { length } }: SubmissionRequest) {
    this.#waiting++
    this.#formulas += length
    try {
      return await waitFor(ended, left, this.#options.clock, this.#stopping.signal)
    } finally {
      this.#waiting--
      this.#formulas -= length
    }
  }

  /**
   * The key is held by a run with another payload. That run may itself be the one that reuses the key: what is kept under
   * it tells.
   */
  async #replayOrRefuse(request: SubmissionRequest, payload: string, patience: Deadline): Promise<Outcome> {
    const { caller, key, requestId } = request
    try {
      const kept = await patience.bound(this.#idempotency.find(caller, key))
      if (kept?.payload !== payload) return { kind: 'reused' }
      return { kind: 'answered', submissionId: kept.submissionId, answer: kept.answer, replayed: true }
    } catch (error) {
      this.#options.log.warn({ reqId: requestId, err: error }, 'The answer kept under a key could not be looked up')
      return { kind: 'failed' }
    }
  }

  /** InFlightSubmissions a submission and frees its key: at once, or when the rollback it owes is done. */
  async #conduct(submission: Submission & Tracked, run: Run): Promise<Outcome> {
    const outcome = await this.#try(submission)
    if (outcome.kind !== 'failed' && outcome.kind !== 'stopping') {
      if (outcome.kind !== 'answered') this.#inFlight.end(run, null)
      else if (outcome.replayed) this.#inFlight.end(run, outcome.answer)
      else this.#end(submission, run, outcome.answer)
      return outcome
    }
    try {
      const { clock, deadlineMs } = this.#options
      const answer = await this.#strategy.settle(submission, new Deadline(clock, reserveMs(deadlineMs)))
      this.#end(submission, run, answer)
      return answer === null ? outcome : { kind: 'answered', submissionId: submission.id, answer, replayed: false }
    } catch (error) {
      this.#options.log.error({ ...logFields(submission), err: error }, 'A rollback was interrupted and is owed')
      this.#observer.rolledBack('interrupted')
      run.owed = true
      this.#pending.add(submission, reasonOf(error), (answer) => this.#end(submission, run, answer))
      return outcome
    }
  }

  /** @param answer what the submission itself came to; null when nothing of it is left */
  #end(submission: Submission, run: Run, answer: StoredAnswer | null): void {
    if (answer !== null) this.#observer.added(addedBy(submission, answer))
    this.#inFlight.end(run, answer)
  }

  /** Attempts until one is decided, the tries or the time are used up, or the service stops. */
  async #try(submission: Submission & Tracked): Promise<Outcome> {
    const { clock, deadlineMs, waitMs, retries, random } = this.#options
    const { signal } = this.#stopping
    const deadline = new Deadline(clock, deadlineMs - reserveMs(deadlineMs))
    const patience = new Deadline(clock, waitMs)
    let failures = 0
    let isRetry = false
    for (let attempt = 1; deadline.left > 0; attempt++) {
      if (isRetry) this.#observer.retried()
      const verdict = await this.#attempt(submission, attempt, deadline)
      if (verdict.kind === 'answered') {
        const { submissionId, answer } = verdict
        return { kind: 'answered', submissionId, answer, replayed: submissionId !== submission.id }
      }
      isRetry = verdict.kind !== 'busy'
      if (verdict.kind === 'reused') return verdict
      if (verdict.kind === 'busy') {
        const running = verdict.wants === 'key' && verdict.holder === 'submission'
        if (running && patience.left === 0) return { kind: 'in-use' }
        await sleep(clock, Math.min(LOOK_AGAIN_MS, deadline.left), signal)
      } else {
        if (++failures === retries) return { kind: 'failed' }
        await sleep(clock, Math.min(backoffMs(failures, this.#options, random), deadline.left), signal)
      }
      if (signal.aborted) return { kind: 'stopping' }
    }
    return { kind: 'failed' }
  }

  #attempt(submission: Submission & Tracked, attempt: number, deadline: Deadline): Promise<Attempted> {
    const { log, tracer } = this.#options
    return tracer.attempt(attempt, () =>
      this.#strategy.attempt(submission, attempt, deadline).catch((error) => {
        log.warn({ ...logFields(submission), attempt, err: error }, 'An attempt to store a submission failed')
        return { kind: 'failed' }
      }),
    )
  }
}

/** The part of the deadline that is kept for finding out what became of failed attempts, in milliseconds. */
const reserveMs = (deadlineMs: number): number => Math.min(SETTLE_MS, deadlineMs / 4)
