import type { Decision } from './formula-db.ts'

/** A rollback or an erasure that was interrupted and must still be done. */
export interface Cleanup {
  /** The submission or attempt to roll back, or the erasure. */
  id: string
  formulaIds: string[]
  reason: string
  attempts: number
  /** ISO 8601 in UTC. */
  createdAt: string
  /** ISO 8601 in UTC. */
  nextAttemptAt: string
}

/** A formula that is erased in the database but not yet in the queue. */
export interface Erased {
  kind: 'erased'
  formula: { id: string; seq: number }
  /** The submission of the formula, if its events are not released yet: they must be before they can be erased. */
  unreleased: OpenAttempt[]
}

/**
 * A decided but unfinished attempt: still to do is its rollback or, if completed, the release of its events. An erasure
 * can only go forward too.
 */
export interface OpenAttempt {
  id: string
  attempts: number
  decision: Decision | Erased
}

/** The reason of an erasure that no store has failed yet. */
export const ERASING = 'The formula is being erased'

/** The reason of a rollback whose owner died. */
export const ORPHANED = 'The service stopped before the submission was finished'

/** How long a decided attempt is left to its owner before the recovery worker takes it, in milliseconds. */
export const HEAD_START_MS = 5_000

/** The lease of an attempt's owner, in milliseconds: without a heartbeat for this long it counts as dead. */
export const OWNER_LEASE_MS = 5_000

/**
 * The unfinished attempts of sagas. `FormulaDb.add` and `erase` add them, `finish` and `remove` end them.
 *
 * All methods throw {StoreUnavailable}: whether a write took effect is then unknown.
 */
export interface CleanupQueue {
  /**
   * Called once at start-up: decides to roll back attempts whose owner died, and makes all unfinished attempts due
   * unless another instance works on them.
   * @returns the number of orphans
   */
  adoptOrphans(): Promise<number>
  /**
   * Renews the leases of attempts that this process runs or recovers, and decides to roll back those whose lease has
   * ended. Does nothing where one process owns the store: `adoptOrphans` finds all orphans there.
   */
  heartbeat(running: string[]): Promise<void>
  /** Up to `limit` cleanups, oldest first. */
  list(limit: number): Promise<Cleanup[]>
  /** Up to `limit` attempts that are due. Each is leased to this instance until its heartbeats stop. */
  due(limit: number): Promise<OpenAttempt[]>
  /** When the oldest completed but unfinished attempt was completed, in ms since the epoch; null when there is none. */
  oldestUnfinished(): Promise<number | null>
  /** Postpones the next attempt to `nextAttemptAt` (ms since the epoch) and increments the count. */
  postpone(id: string, reason: string, nextAttemptAt: number): Promise<void>
  /** Makes a cleanup due now. @returns false when it does not exist */
  retry(id: string): Promise<boolean>
}
