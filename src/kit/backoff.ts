import type { Random } from './clock.ts'

interface Backoff {
  /** The longest first pause, in milliseconds; it doubles each time. */
  baseMs: number
  /** No pause is longer, in milliseconds. */
  maxMs: number
}

/**
 * Exponential backoff with full jitter: a random part of a span that doubles with each failure, so that clients that
 * failed together do not come back together.
 * @param failures how many attempts have failed so far, from 1
 * @returns the pause before the next attempt, in milliseconds
 */
export function backoffMs(failures: number, { baseMs, maxMs }: Backoff, random: Random): number {
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 52))
}
