import type { Decision } from './formula-db.ts'

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
