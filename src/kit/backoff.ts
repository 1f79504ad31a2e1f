import type { Random } from './clock.ts'

/** Limits of the pauses between attempts. */
interface Backoff {
  /** Upper bound of the first pause, in milliseconds; doubles with each failure. */
  baseMs: number
  /** Upper bound of all pauses, in milliseconds. */
  maxMs: number
}

/**
 * Exponential backoff with full jitter: clients that failed together do not retry together.
 * @param failures how many attempts have failed so far, at least 1
 * @returns the pause before the next attempt, in milliseconds
 */
export function backoffMs(failures: number, { baseMs, maxMs }: Backoff, random: Random): number {
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 52))
}
