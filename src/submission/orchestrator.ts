import { backoffMs, Deadline, sleep, waitFor } from '../kit/clock.ts'
import { reasonOf } from '../kit/reason.ts'
import type { Answer, Cleanup, IdempotencyStore, SubmissionStores } from '../stores/ports.ts'
import { addedBy } from './answer-text.ts'
import { type CommitStrategy, TransactionalCommit } from './commit-strategy.ts'
import { type InFlightSubmission, InFlightSubmissions } from './in-flight-submissions.ts'
import { type OrchestratorOptions, type SubmissionObserver, unobserved } from './options.ts'
import { PendingRollbacks, SETTLE_MS } from './pending-rollbacks.ts'
import { RecoveryWorker } from './recovery-worker.ts'
import { Saga } from './saga.ts'
import {
  type AttemptResult,
  type LoggedSubmission,
  logFields,
  type Outcome,
  payloadHash,
  type SubmissionRequest,
  toSubmission,
} from './submission.ts'

/** Polling interval for a composition, or a key of another process, to become free. */
const POLL_MS = 100

/**
 * Stores the formulas of a submission and publishes their events: all or nothing, and exactly once for each key. A
 * submission replays an earlier answer or waits for its key, is attempted until a store decides, and settled if it failed.
 */
export class Orchestrator {
  readonly #options: OrchestratorOptions
  readonly #observer: SubmissionObserver
  readonly #strategy: CommitStrategy
  readonly #idempotency: IdempotencyStore
  readonly #inFlight = new InFlightSubmissions()
  readonly #load = { submissions: 0, formulas: 0 }
  #idle: PromiseWithResolvers<void> | undefined
  readonly #stopping = new AbortController()
  readonly #pending: PendingRollbacks
  readonly #recovery: RecoveryWorker

  constructor(stores: SubmissionStores, options: OrchestratorOptions) {
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

  /** Never rejects because a store fails: that is an outcome. */
  async submit(request: SubmissionRequest): Promise<Outcome> {
    const { length } = request.formulas
    this.#load.submissions++
    this.#load.formulas += length
    try {
      return await this.#replayOrRun(request)
    } finally {
      this.#load.formulas -= length
      if (--this.#load.submissions === 0) this.#idle?.resolve()
    }
  }

  async #replayOrRun(request: SubmissionRequest): Promise<Outcome> {
    const { clock, waitMs } = this.#options
    const payload = payloadHash(request)
    const deadline = new Deadline(clock, waitMs)
    for (;;) {
      if (this.#stopping.signal.aborted) return { kind: 'stopping' }
      const holder = this.#inFlight.get(request)
      // `#run` claims the key before it awaits anything, so that only one of many waiters runs.
      if (holder === undefined) return this.#run(request, payload)
      const outcome = await this.#replayOrWait(holder, request, payload, deadline)
      if (outcome !== null) return outcome
    }
  }

  /**
   * The key is held by another submission of this process: waits for its answer and replays it.
   * @returns null when the holder ended without an answer: the key is free again
   */
  async #replayOrWait(
    holder: InFlightSubmission,
    request: SubmissionRequest,
    payload: string,
    deadline: Deadline,
  ): Promise<Outcome | null> {
    if (holder.payload !== payload && !holder.rollbackPending) return this.#replayStored(request, payload, deadline)
    const answer = await waitFor(holder.ended, deadline.left, this.#options.clock, this.#stopping.signal)
    if (answer === 'stopped') return { kind: 'stopping' }
    if (answer === 'late') return { kind: holder.rollbackPending ? 'failed' : 'in-use' }
    if (answer === null) return null
    if (holder.payload !== payload) return { kind: 'reused' }
    return { kind: 'answered', submissionId: holder.submissionId, answer, replayed: true }
  }

  /** The holder has another payload. It may itself be reusing the key, so the answer stored under the key decides. */
  async #replayStored(request: SubmissionRequest, payload: string, deadline: Deadline): Promise<Outcome> {
    const { caller, key, requestId } = request
    try {
      const stored = await deadline.bound(this.#idempotency.find(caller, key))
      if (stored?.payload !== payload) return { kind: 'reused' }
      return { kind: 'answered', submissionId: stored.submissionId, answer: stored.answer, replayed: true }
    } catch (error) {
      this.#options.log.warn({ reqId: requestId, err: error }, 'The answer kept under a key could not be looked up')
      return { kind: 'failed' }
    }
  }

  /** Claims the key, attempts the submission, and settles it if it failed. */
  #run(request: SubmissionRequest, payload: string): Promise<Outcome> {
    const { clock, newId, tracer } = this.#options
    const id = newId()
    const claim = this.#inFlight.claim({ ...request, id, payload })
    return tracer.submission({ id, formulas: request.formulas }, async (traceparent) => {
      const submission = toSubmission(request, { id, payload, createdAt: clock.now(), traceparent })
      const outcome = await this.#attempt(submission)
      if (outcome.kind === 'failed' || outcome.kind === 'stopping') return this.#settle(submission, claim, outcome)
      if (outcome.kind !== 'answered') this.#inFlight.release(claim, null)
      else if (outcome.replayed) this.#inFlight.release(claim, outcome.answer)
      else this.#end(claim, outcome.answer)
      return outcome
    })
  }

  /** Attempts until a store decides, attempts or time run out, or the service stops. */
  async #attempt(submission: LoggedSubmission): Promise<Outcome> {
    const { clock, deadlineMs, waitMs, retries, random } = this.#options
    const { signal } = this.#stopping
    const deadline = new Deadline(clock, deadlineMs - settleMs(deadlineMs))
    const keyDeadline = new Deadline(clock, waitMs)
    let failures = 0
    let isRetry = false
    for (let attempt = 1; deadline.left > 0; attempt++) {
      if (isRetry) this.#observer.retried()
      const result = await this.#attemptOnce(submission, attempt, deadline)
      if (result.kind === 'answered') {
        const { submissionId, answer } = result
        return { kind: 'answered', submissionId, answer, replayed: submissionId !== submission.id }
      }
      if (result.kind === 'reused') return result
      isRetry = result.kind !== 'busy'
      if (isRetry && ++failures === retries) break
      const isRunning = result.kind === 'busy' && result.wants === 'key' && result.holder === 'submission'
      if (isRunning && keyDeadline.left === 0) return { kind: 'in-use' }
      const pauseMs = isRetry ? backoffMs(failures, this.#options, random) : POLL_MS
      await sleep(clock, Math.min(pauseMs, deadline.left), signal)
      if (signal.aborted) return { kind: 'stopping' }
    }
    return { kind: 'failed' }
  }

  #attemptOnce(submission: LoggedSubmission, attempt: number, deadline: Deadline): Promise<AttemptResult> {
    const { log, tracer } = this.#options
    return tracer.attempt(attempt, () =>
      this.#strategy.attempt(submission, attempt, deadline).catch((error) => {
        log.warn({ ...logFields(submission), attempt, err: error }, 'An attempt to store a submission failed')
        return { kind: 'failed' }
      }),
    )
  }

  /**
   * Rolls back what failed attempts left, or finds that one of them took effect after all. A rollback that fails stays
   * pending, and keeps the key until it is done.
   */
  async #settle(submission: LoggedSubmission, claim: InFlightSubmission, failure: Outcome): Promise<Outcome> {
    const { clock, deadlineMs, log } = this.#options
    try {
      const answer = await this.#strategy.settle(submission, new Deadline(clock, settleMs(deadlineMs)))
      this.#end(claim, answer)
      return answer === null ? failure : { kind: 'answered', submissionId: submission.id, answer, replayed: false }
    } catch (error) {
      log.error({ ...logFields(submission), err: error }, 'A rollback was interrupted and is owed')
      this.#observer.rolledBack('interrupted')
      claim.rollbackPending = true
      this.#pending.add(submission, reasonOf(error), (answer) => this.#end(claim, answer))
      return failure
    }
  }

  /** @param answer the submission's own answer; null when it left none */
  #end(claim: InFlightSubmission, answer: Answer | null): void {
    if (answer !== null) this.#observer.added(addedBy(answer))
    this.#inFlight.release(claim, answer)
  }

  /** Finishes what a crash has interrupted, then keeps looking for such work in the background. */
  start(): Promise<void> {
    return this.#recovery.start()
  }

  /** Ends all waiting, in submissions and in the background. Attempts under way run to their end. */
  stop(): void {
    this.#stopping.abort()
  }

  /** Stops, and waits for everything under way. */
  async close(): Promise<void> {
    this.stop()
    this.#idle ??= Promise.withResolvers()
    if (this.#load.submissions === 0) this.#idle.resolve()
    await Promise.all([this.#idle.promise, this.#pending.ended(), this.#recovery.ended()])
  }

  /** Submissions under way, including those that wait for their key. */
  get load(): Readonly<{ submissions: number; formulas: number }> {
    return this.#load
  }

  readonly cleanups = {
    list: async (): Promise<Cleanup[]> => this.#pending.mergeInto(await this.#recovery.cleanups()),
    retry: async (id: string): Promise<boolean> => {
      const isStored = await this.#recovery.retry(id)
      return this.#pending.retry(id) || isStored
    },
  }
}

/** The part of the deadline that is reserved for settling failed attempts, in milliseconds. */
const settleMs = (deadlineMs: number): number => Math.min(SETTLE_MS, deadlineMs / 4)
