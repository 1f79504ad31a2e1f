import { backoffMs } from '../kit/backoff.ts'
import { Deadline, sleep, waitFor } from '../kit/clock.ts'
import { reasonOf } from '../kit/reason.ts'
import type { Answer, Cleanup, IdempotencyStore, SubmissionStatus, SubmissionStores } from '../stores/ports.ts'
import { type CommitStrategy, Saga, TransactionalCommit } from './commit-strategy.ts'
import { Erasures } from './erasures.ts'
import { KeyHolder } from './key-holder.ts'
import { type OrchestratorOptions, type SubmissionObserver, unobserved } from './options.ts'
import { PendingRollbacks, SETTLE_MS } from './pending-rollbacks.ts'
import { RecoveryWorker } from './recovery-worker.ts'
import {
  type AttemptResult,
  type LoggedSubmission,
  logFields,
  type Outcome,
  payloadHash,
  type SubmissionRequest,
  scopedKeyOf,
  toSubmission,
} from './submission.ts'

/** How often to check whether a composition, or a key that another process holds, is free again, in milliseconds. */
const POLL_MS = 100

/**
 * Stores the formulas of a submission and publishes their events: all or nothing, and exactly once for each key.
 * A submission goes through the phases wait, claim, attempt, settle and release, in this order below.
 */
export class Orchestrator {
  readonly #options: OrchestratorOptions
  readonly #observer: SubmissionObserver
  readonly #strategy: CommitStrategy
  readonly #stores: SubmissionStores
  readonly #idempotency: IdempotencyStore
  readonly erasures: Erasures
  /** The submissions of this process that hold a key, by scoped key. */
  readonly #holders = new Map<string, KeyHolder>()
  /** Submissions that are not answered yet. */
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
    this.#stores = stores
    this.#idempotency = stores.idempotency
    this.erasures = new Erasures(() => stores.db.erasures())
    this.#strategy =
      stores.intake === null ? saga : new TransactionalCommit(stores.intake, stores.idempotency, observer)
    this.#pending = new PendingRollbacks(this.#strategy, options, this.#stopping.signal)
    this.#recovery = new RecoveryWorker(stores, saga, options, this.#stopping.signal, (id) => this.#pending.retry(id))
  }

  /**
   * Never rejects because a store fails: that is an outcome.
   * @throws the refusal of the request, if nothing is stored under its key
   */
  async submit(request: SubmissionRequest): Promise<Outcome> {
    const { length } = request.formulas
    this.#load.submissions++
    this.#load.formulas += length
    try {
      return await this.#waitForKey(request)
    } finally {
      this.#load.formulas -= length
      if (--this.#load.submissions === 0) this.#idle?.resolve()
    }
  }

  /** Wait: while another submission of this process holds the key, replays its answer or waits for it. */
  async #waitForKey(request: SubmissionRequest): Promise<Outcome> {
    const { clock, waitMs } = this.#options
    const scopedKey = scopedKeyOf(request)
    const payload = payloadHash(request)
    let deadline: Deadline | undefined
    for (;;) {
      if (this.#stopping.signal.aborted) return { kind: 'stopping' }
      const holder = this.#holders.get(scopedKey)
      // `#run` claims the key before it awaits anything, so that only one of many waiters runs.
      if (holder === undefined && request.refusal === undefined) return this.#run(request, payload, scopedKey)
      deadline ??= new Deadline(clock, waitMs)
      const outcome =
        holder === undefined
          ? await this.#replayStored(request, payload, deadline)
          : await this.#replayHolder(holder, request, payload, deadline)
      if (outcome !== null) return outcome
      if (holder === undefined) throw request.refusal
    }
  }

  /** @returns null when the holder ended without an answer: the key is free again */
  async #replayHolder(
    holder: KeyHolder,
    request: SubmissionRequest,
    payload: string,
    deadline: Deadline,
  ): Promise<Outcome | null> {
    if (holder.payload !== payload && !holder.rollbackPending) {
      // The holder may itself be reusing the key, so the answer stored under the key decides.
      return (await this.#replayStored(request, payload, deadline)) ?? { kind: 'reused' }
    }
    const answer = await waitFor(holder.released, deadline.left, this.#options.clock, this.#stopping.signal)
    if (answer === 'stopped') return { kind: 'stopping' }
    if (answer === 'late') return { kind: holder.rollbackPending ? 'failed' : 'in-use' }
    if (answer === null) return null
    if (holder.payload !== payload) return { kind: 'reused' }
    const isOutdated = await deadline.bound(this.erasures.changedSince(holder.erasures)).catch(() => true)
    if (isOutdated) return this.#replayStored(request, payload, deadline)
    return { kind: 'answered', submissionId: holder.submissionId, answer, replayed: true }
  }

  /**
   * Replays what the store has under the key, where this process cannot tell: it has no holder of the key, or one with
   * another payload, which may itself be reusing the key, or a formula was erased since the holder ran.
   * @returns null when no answer is stored under the key
   */
  async #replayStored(request: SubmissionRequest, payload: string, deadline: Deadline): Promise<Outcome | null> {
    const { caller, key, requestId } = request
    try {
      const stored = await deadline.bound(this.#idempotency.find(caller, key))
      if (stored === null) return null
      if (stored.payload !== payload) return { kind: 'reused' }
      return { kind: 'answered', submissionId: stored.submissionId, answer: stored.answer, replayed: true }
    } catch (error) {
      this.#options.log.warn({ reqId: requestId, err: error }, 'The answer kept under a key could not be looked up')
      return { kind: 'failed' }
    }
  }

  /** Claim: takes the key. Then the submission is attempted, settled if it failed, and its key released. */
  #run(request: SubmissionRequest, payload: string, scopedKey: string): Promise<Outcome> {
    const { clock, newId, tracer } = this.#options
    const [id, createdAt] = [newId(), clock.now()]
    const { known: erasures } = this.erasures
    const holder = new KeyHolder({ submissionId: id, payload, scopedKey, submittedAt: createdAt, erasures })
    this.#holders.set(scopedKey, holder)
    return tracer.submission({ id, formulas: request.formulas }, async (traceparent) => {
      const submission = toSubmission(request, { id, payload, createdAt, traceparent })
      const outcome = await this.#attempt(submission)
      if (outcome.kind === 'failed' || outcome.kind === 'stopping') return this.#settle(submission, holder, outcome)
      if (outcome.kind !== 'answered') this.#release(holder, null)
      else if (outcome.replayed) this.#release(holder, outcome.answer)
      else this.#end(holder, outcome.answer)
      return outcome
    })
  }

  /** Attempt: until a store decides, attempts or time run out, or the service stops. */
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
   * Settle: rolls back what failed attempts left, or finds that one of them took effect after all. A rollback that fails stays
   * pending, and keeps the key until it is done.
   */
  async #settle(submission: LoggedSubmission, holder: KeyHolder, failure: Outcome): Promise<Outcome> {
    const { clock, deadlineMs, log } = this.#options
    try {
      const answer = await this.#strategy.settle(submission, new Deadline(clock, settleMs(deadlineMs)))
      this.#end(holder, answer)
      return answer === null ? failure : { kind: 'answered', submissionId: submission.id, answer, replayed: false }
    } catch (error) {
      log.error({ ...logFields(submission), err: error }, 'A rollback was interrupted and is owed')
      this.#observer.rolledBack('interrupted')
      holder.rollbackPending = true
      this.#pending.add(submission, reasonOf(error), (answer) => this.#end(holder, answer))
      return failure
    }
  }

  /** Counts what was added, then releases the key. @param answer of this submission; null when it has none */
  #end(holder: KeyHolder, answer: Answer | null): void {
    if (answer !== null) this.#observer.added(addedBy(answer))
    this.#release(holder, answer)
  }

  /** Release: frees the key. @param answer the one stored under the key; null when there is none */
  #release(holder: KeyHolder, answer: Answer | null): void {
    this.#holders.delete(holder.scopedKey)
    holder.release(answer)
  }

  /**
   * Erases a formula and its event.
   * @returns `owed` when a store failed: the erasure has begun, and goes on in the background
   * @throws {StoreUnavailable} whether it has begun is unknown
   */
  async erase(id: string): Promise<'erased' | 'unknown' | 'owed'> {
    const { db, intake } = this.#stores
    const deadline = new Deadline(this.#options.clock, this.#options.deadlineMs)
    if (intake !== null) return (await deadline.bound(intake.erase(id))) ? 'erased' : 'unknown'
    const erasure = await deadline.bound(db.erase(this.#options.newId(), id))
    if (erasure === null) return 'unknown'
    return (await this.#recovery.recover(erasure).catch(() => false)) ? 'erased' : 'owed'
  }

  /**
   * How the submission under a key stands: unfinished if it runs in this process, or is an unfinished saga of any.
   * @returns null when there is none, it has failed, or its answer has expired
   * @throws {StoreUnavailable}
   */
  async status(caller: string, key: string): Promise<SubmissionStatus | null> {
    // Before the lookup: in between, it may end and release its key.
    const holder = this.#holders.get(scopedKeyOf({ caller, key }))
    // The store comes first, since a holder may be a repeat of a finished submission.
    const stored = await this.#idempotency.status(caller, key)
    return stored ?? (holder ? { submittedAt: holder.submittedAt } : null)
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

  /** Submissions under way, including those that wait for their key, and those that have failed but are not settled. */
  get load(): Readonly<{ submissions: number; formulas: number }> {
    const { submissions, formulas } = this.#pending.load
    return { submissions: this.#load.submissions + submissions, formulas: this.#load.formulas + formulas }
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

/** The number of formulas that were added. */
const addedBy = (answer: Answer): number =>
  answer.status === 200 ? answer.entries.filter(({ outcome }) => outcome === 'added').length : 0
