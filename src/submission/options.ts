import type { Clock, Random } from '../kit/clock.ts'
import type { AttemptResult, Outcome } from './submission.ts'

export interface OrchestratorOptions {
  /** Total number of attempts. */
  retries: number
  /** Backoff with full jitter: pause n is random below min(maxMs, baseMs · 2^(n-1)) milliseconds. */
  baseMs: number
  maxMs: number
  /** Time limit of a submission with all its attempts and pauses, in milliseconds. */
  deadlineMs: number
  /** How long a submission waits for another with the same key, in milliseconds. */
  waitMs: number
  /** How long events stay in the log after every subscription is past them, in milliseconds. */
  retentionMs: number
  clock: Clock
  random: Random
  /** Makes unique ids for submissions. */
  newId: () => string
  /** Receives failures that the caller sees only as a 503. */
  log: { warn(fields: object, message: string): void; error(fields: object, message: string): void }
  observer?: SubmissionObserver
  tracer: Tracer
}

/** Counts what happens to submissions. */
export interface SubmissionObserver {
  /** Formulas were stored and their events published. */
  added(formulas: number): void
  /** Another attempt begins after a failure. */
  retried(): void
  /** Failed attempts were rolled back; `interrupted`: not yet, a cleanup is owed. */
  rolledBack(result: 'done' | 'interrupted'): void
}

export const unobserved: SubmissionObserver = { added() {}, retried() {}, rolledBack() {} }

/** Traces submissions within the traces of their callers. */
export interface Tracer {
  /**
   * Runs a submission in a span.
   * @param run receives the span as a traceparent, which the events carry
   */
  submission(
    submission: { id: string; formulas: readonly unknown[] },
    run: (traceparent: string | undefined) => Promise<Outcome>,
  ): Promise<Outcome>
  /** Runs an attempt in a span of its own. */
  attempt(attempt: number, run: () => Promise<AttemptResult>): Promise<AttemptResult>
}

export const UNTRACED: Tracer = {
  submission: (_, run) => run(undefined),
  attempt: (_, run) => run(),
}
