import type { Formula, Material, StoredFormula } from '../formula/formula.ts'
import type { Clock } from '../kit/clock.ts'

/** One POST: one or many formulas under one idempotency key. */
export interface Submission<M = Material[]> {
  /** Tells this run of the submission from any other, also of the same key. */
  id: string
  /** The stable name of whoever sent it; '' where callers are anonymous. */
  caller: string
  key: string
  /** SHA-256 over names, fingerprints, their order and `onDuplicate`, in lower-case hex: equal means "same payload". */
  payload: string
  onDuplicate: 'reject' | 'skip'
  /** Whether the body was one formula rather than a list. */
  single: boolean
  formulas: Formula<M>[]
  /** Where it is seen in a trace (W3C Trace Context); absent where it is not. Its events carry it. */
  traceparent?: string | undefined
}

/** An answer kept for replay, byte for byte. */
export interface StoredAnswer {
  status: 200 | 409
  location: string | null
  body: string
}

/** What is held under an idempotency key. */
export interface KeyRecord {
  /** The submission that was answered so. */
  submissionId: string
  payload: string
  answer: StoredAnswer
}

/** "Formula created": tells consumers of one new formula. */
export interface FormulaEvent {
  /** The formula's id. */
  id: string
  name: string
  /** ISO 8601 in UTC. */
  createdAt: string
  /** Where its submission is seen in a trace; absent where it is not. */
  traceparent?: string
}

/** Who holds a key or a make-up that is wanted: a submission that runs, or one whose rollback is still owed. */
export type Holder = 'submission' | 'cleanup'

/** How a submission fared against what is stored; none of these is an error. */
export type Verdict =
  /** Answered now, or (`submissionId` differing) an earlier answer of the same key and payload. */
  | { kind: 'answered'; submissionId: string; answer: StoredAnswer }
  /** The key was used with another payload. */
  | { kind: 'reused' }
  /** The key or a make-up is held by a submission that is not finished. */
  | { kind: 'busy'; wants: 'key' | 'make-up'; holder: Holder }
  /** This submission was given up before; it can no longer be accepted. */
  | { kind: 'given-up' }

/**
 * Accepts submissions in one transaction: claim, formulas, events and answer, where database and queue share an engine.
 */
export interface Intake {
  /**
   * Stores the formulas, publishes their events and keeps the answer, or decides why not. Calling it again with the
   * same submission, after an error of unknown outcome, never stores twice.
   * @param notAfter when a call that is still waiting has no effect any more, in ms since the epoch; never if absent
   * @throws {StoreUnavailable} the outcome is unknown
   */
  accept(submission: Submission, notAfter?: number): Promise<Verdict>
  /**
   * Makes sure that `accept` of this submission can take effect no more. What took effect before stays; find it by its
   * key.
   * @throws {StoreUnavailable}
   */
  giveUp(submissionId: string): Promise<void>
}

/** One page of a list, newest first. One of formulas ends early at `PAGE_BYTES`, and a search may end one short or empty. */
export interface Page<T> {
  items: T[]
  /** Where the next page begins; null on the last. */
  next: number | null
}

export interface FormulaQuery {
  /** 1–200. */
  limit: number
  /** Where the page begins, as `Page.next` gave it. */
  before?: number
  /** Only formulas whose name begins so, whatever its case. */
  namePrefix?: string
}

/** What the first step of a saga came to. */
export type AddVerdict =
  | Verdict
  /** The intent and the pending formulas are durable; these events are to be published. */
  | { kind: 'added'; events: FormulaEvent[] }

/** Where a saga's decision stands, as the database has it. */
export type Decision =
  | { kind: 'completed'; answer: StoredAnswer; events: FormulaEvent[] }
  /** The attempt is being rolled back, or has left no trace. */
  | { kind: 'abandoned' }

/** Holds formulas, and the intents of sagas whose events live in another queue. */
export interface FormulaDb {
  /** @returns the formula with this fingerprint; null when there is none, or it is still pending */
  get(id: string): Promise<StoredFormula | null>
  /** Newest first, in order of acceptance. Pending formulas are not shown. */
  list(query: FormulaQuery): Promise<Page<StoredFormula>>
  /**
   * Saga, step 1: decides the submission against what is stored; when it can be accepted, keeps a durable intent with
   * its answer, and its new formulas as pending, claiming key and make-ups in one step.
   * @param attemptId names this attempt in the calls that follow; an attempt that was abandoned stays refused
   */
  add(attemptId: string, submission: Submission): Promise<AddVerdict>
  /** Saga, step 3, the commit point: pending formulas become visible and the answer is kept. Repeating it is no error. */
  complete(attemptId: string): Promise<Decision>
  /**
   * Decides durably that the attempt will be rolled back, unless it is already complete. Repeating it is no error, nor
   * is abandoning what was never added.
   */
  abandon(attemptId: string, reason: string): Promise<Decision>
  /** Removes the pending formulas and the intent of an abandoned attempt. Removing what is not there is no error. */
  remove(attemptId: string): Promise<void>
  /** Forgets the intent of a completed attempt whose events are released. */
  finish(attemptId: string): Promise<void>
  /** @throws {StoreUnavailable} when the database does not answer, or cannot be written */
  probe(): Promise<void>
}

/** Keeps the answer of each finished submission under its caller and key until it expires. */
export interface IdempotencyStore {
  /** @returns what is held under the key, unless it has expired */
  find(caller: string, key: string): Promise<KeyRecord | null>
  /** Removes up to `limit` expired keys. @returns how many it removed */
  sweep(limit: number): Promise<number>
}

export interface LeasedEvent extends FormulaEvent {
  /** Opaque token of this lease; fences off holders of earlier ones. */
  receipt: string
  /** How often the event has been leased, this time included. */
  receiveCount: number
  /** ISO 8601 in UTC. */
  leasedUntil: string
}

export interface Received {
  events: LeasedEvent[]
  /** When the next leased or delayed event may become ready, in ms since the epoch by this process's clock; null: never. */
  nextDueAt: number | null
}

/** Which receipts still held their lease. One that stands twice in a call counts once. */
export interface Settled {
  accepted: number
  stale: string[]
}

export interface QueueStats {
  ready: number
  leased: number
  delayed: number
  dead: number
  /** Null when none is ready. */
  oldestReadyAgeSeconds: number | null
}

export interface DeadEvent extends FormulaEvent {
  receiveCount: number
  /** ISO 8601 in UTC. */
  diedAt: string
  reason: 'expired' | 'nacked'
}

/** Holds "formula created" events until a consumer has processed them. First in, first out. */
export interface EventQueue {
  /** Tells this queue from any other, wherever it lies. */
  identity(): Promise<string>
  /**
   * Saga, step 2: takes in events that nobody sees before they are released. Repeating it is no error.
   * @returns false when the attempt was removed before: a publish that arrives late is refused
   */
  publish(attemptId: string, events: FormulaEvent[]): Promise<boolean>
  /** Saga, step 4: shows the events. Publishes them if the queue has lost them; repeating it is no error. */
  release(attemptId: string, events: FormulaEvent[]): Promise<void>
  /** Removes an attempt's held events, and leaves a tombstone. Removing what is not there is no error. */
  remove(attemptId: string): Promise<void>
  /** Removes up to `limit` tombstones and other marks of attempts older than `olderThan` (ms since the epoch). */
  sweep(olderThan: number, limit: number): Promise<number>
  /**
   * Leases up to `max` events: those that came back first, then the oldest.
   * @param leaseMs how long each event stays invisible to others, in milliseconds
   * @throws {StoreUnavailable} when the engine cannot be reached
   */
  receive(max: number, leaseMs: number): Promise<Received>
  /** Ends the work on events for good. Stale and unknown receipts change nothing. */
  ack(receipts: string[]): Promise<Settled>
  /** Gives events back: to the front at once, or after `delayMs`; to the dead letters after their last lease. */
  nack(receipts: string[], delayMs: number): Promise<Settled>
  /** Gives events back to the front as if they had not been leased: this receive does not count, so none dies of it. */
  putBack(receipts: string[]): Promise<Settled>
  /** Puts events back whose leases somebody else holds. Those that are not leased are passed over. @returns how many */
  endLeases(ids: string[]): Promise<number>
  /** Lets leases end `leaseMs` from now. @returns also when, in ms since the epoch; null when none was extended */
  extend(receipts: string[], leaseMs: number): Promise<Settled & { leasedUntil: number | null }>
  stats(): Promise<QueueStats>
  /** Dead letters, the last to die first. */
  dead(limit: number, before?: number): Promise<Page<DeadEvent>>
  /** Sends dead letters to the back of the queue, `receiveCount` starting over; all of them without `ids`. */
  redrive(ids?: string[]): Promise<number>
  /** @returns false when there is no such dead letter */
  removeDead(id: string): Promise<boolean>
  /** Calls `listener` whenever events may have become ready; a hint, not a promise. @returns stops it */
  onReady(listener: () => void): () => void
  /** @throws {StoreUnavailable} when the queue does not answer, or cannot be written */
  probe(): Promise<void>
}

/** A rollback that was interrupted and is still owed. */
export interface Cleanup {
  /** The attempt that is to be rolled back. */
  id: string
  formulaIds: string[]
  reason: string
  attempts: number
  /** ISO 8601 in UTC. */
  createdAt: string
  /** ISO 8601 in UTC. */
  nextAttemptAt: string
}

/** An attempt that has to be brought to its end: rolled back, or (`completed`) have its events released. */
export interface OpenAttempt {
  id: string
  attempts: number
  decision: Decision
}

/** The reason of a rollback that is owed because its owner died. */
export const ORPHANED = 'The service stopped before the submission was finished'

/** How long an attempt that was just decided is left to the one who runs it before the background takes it up. */
export const HEAD_START_MS = 5_000

/** How long the owner of an attempt is trusted to be alive since it was last heard of, in milliseconds. */
export const OWNER_LEASE_MS = 5_000

/** What sagas still owe. Adding to it is part of `FormulaDb.abandon` and `complete`: the intent is the cleanup. */
export interface CleanupQueue {
  /**
   * Called once, at start-up: decides the rollback of attempts whose owner died, and makes all that is owed due, unless
   * another instance works on it.
   * @returns how many orphans there were
   */
  adoptOrphans(): Promise<number>
  /**
   * Says that this process still runs these attempts, or works them off, and decides the rollback of those of which no
   * process has said so for `OWNER_LEASE_MS`. Where one process owns the store, all orphans are found at start-up, and this does nothing.
   */
  heartbeat(running: string[]): Promise<void>
  /** Up to `limit` cleanups, the oldest first. */
  list(limit: number): Promise<Cleanup[]>
  /** Up to `limit` attempts whose next try is due. Instances that share a store do not get the same while they are heard of. */
  due(limit: number): Promise<OpenAttempt[]>
  /** When the oldest attempt was completed whose events are not known to be released, in ms; null when there is none. */
  oldestUnfinished(): Promise<number | null>
  /** Puts the next try off until `nextAttemptAt` (ms since the epoch), counting one attempt. */
  postpone(id: string, reason: string, nextAttemptAt: number): Promise<void>
  /** Makes a cleanup due now. @returns false when there is no such cleanup */
  retry(id: string): Promise<boolean>
}

/** The stores of one configuration. */
export interface Stores {
  db: FormulaDb
  queue: EventQueue
  idempotency: IdempotencyStore
  cleanups: CleanupQueue
  /** Null where database and queue are two engines: then a saga keeps them in step. */
  intake: Intake | null
  close(): Promise<void>
}

/** Told of each batch of submissions that was committed together, to be measured. */
export type OnCommit = (submissions: number, seconds: number) => void

/** What an engine needs to know beside its location. */
export interface EngineOptions {
  clock: Clock
  /** How long an answer is kept, in milliseconds. */
  answerTtlMs: number
  /** An event whose lease of this number ends without an ack is dead. */
  maxReceives: number
  onCommit?: OnCommit
}
