import type { Clock, Random } from '../kit/clock.ts'
import type { SubmissionObserver } from './observer.ts'
import type { Tracer } from './tracer.ts'

export interface OrchestratorOptions {
  /** Attempts in all, the first included. */
  retries: number
  /** Full jitter: the n-th pause is a random part of min(maxMs, baseMs · 2^(n-1)) milliseconds. */
  baseMs: number
  maxMs: number
  /** Bounds a submission with all its attempts and pauses, in milliseconds. */
  deadlineMs: number
  /** How long a submission waits for another of the same key, in milliseconds. */
  waitMs: number
  clock: Clock
  random: Random
  /** Names submissions; no two alike. */
  newId: () => string
  /** Told of failures that the caller sees only as a 503. */
  log: { warn(fields: object, message: string): void; error(fields: object, message: string): void }
  observer?: SubmissionObserver
  tracer: Tracer
}
