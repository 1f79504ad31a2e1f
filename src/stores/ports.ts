import type { Clock } from '../kit/clock.ts'
import type { CleanupQueue } from './ports/cleanup-queue.ts'
import type { EventQueue } from './ports/event-queue.ts'
import type { FormulaDb } from './ports/formula-db.ts'
import type { IdempotencyStore, Intake } from './ports/submission.ts'

export * from './ports/cleanup-queue.ts'
export * from './ports/event-queue.ts'
export * from './ports/formula-db.ts'
export * from './ports/submission.ts'

/** What submissions are stored in. */
export interface SubmissionStores {
  db: FormulaDb
  queue: EventQueue
  idempotency: IdempotencyStore
  cleanups: CleanupQueue
  /** Null where database and queue are two engines: then a saga keeps them in step. */
  intake: Intake | null
}

/** The stores of one configuration. */
export interface Stores extends SubmissionStores {
  close(): Promise<void>
}

/** The queue that a database publishes to. */
export interface BoundQueue {
  id: string
  location: string
}

/** The stores of one durable database, and what binds it to its queue. */
export interface DurableStores extends Stores {
  intake: Intake
  boundQueue(): Promise<BoundQueue | null>
  bindQueue(id: string, location: string): Promise<void>
  hasOpenAttempts(): Promise<boolean>
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
