import type { Clock } from '../kit/clock.ts'
import type { CleanupQueue } from './ports/cleanup-queue.ts'
import type { EventQueue } from './ports/event-queue.ts'
import type { FormulaDb } from './ports/formula-db.ts'
import type { IdempotencyStore, Intake } from './ports/submission.ts'

export * from './ports/cleanup-queue.ts'
export * from './ports/event-queue.ts'
export * from './ports/formula-db.ts'
export * from './ports/submission.ts'

/** The stores that submissions use. */
export interface SubmissionStores {
  db: FormulaDb
  queue: EventQueue
  idempotency: IdempotencyStore
  cleanups: CleanupQueue
  /** Null where database and queue do not share an engine: a saga keeps them consistent. */
  intake: Intake | null
}

/** `sync_state` of PostgreSQL: commits wait for standbys that are `sync` or `quorum`. */
export const SYNC_STATES = ['sync', 'quorum', 'potential', 'async'] as const

/** A server that follows the primary of a replicated database. */
export interface Standby {
  name: string
  state: (typeof SYNC_STATES)[number]
  /** The part of the write-ahead log that it has not replayed. */
  lagBytes: number
}

/** The stores of one configuration. */
export interface Stores extends SubmissionStores {
  /** The standbys of the database; undefined when its role may not see them. Absent in engines without replication. */
  standbys?(): Promise<Standby[] | undefined>
  close(): Promise<void>
}

/** The queue that a database publishes to. */
export interface BoundQueue {
  id: string
  location: string
}

/** The stores of one durable database, and the record of its queue. */
export interface DurableStores extends Stores {
  intake: Intake
  boundQueue(): Promise<BoundQueue | null>
  bindQueue(id: string, location: string): Promise<void>
  hasOpenAttempts(): Promise<boolean>
}

/** Called for each batch of submissions that was committed, with its size and duration. */
export type OnCommit = (submissions: number, seconds: number) => void

export interface EngineOptions {
  clock: Clock
  /** How long an answer is kept, in milliseconds. */
  answerTtlMs: number
  /** How often an event is leased before it becomes a dead letter. */
  maxReceives: number
  onCommit?: OnCommit
}
