import type { Test } from 'tap'
import type { Stores } from '../../src/stores/ports.ts'
import { TestClock } from '../support/test-clock.ts'

export interface OpenOptions {
  clock: TestClock
  /** How long answers are kept, in milliseconds; default: a day. */
  answerTtlMs?: number
  /** Default: 5. */
  maxReceives?: number
}

/** Opens empty stores of one engine, and closes them when the test ends. */
export type OpenStores = (t: Test, options: OpenOptions) => Promise<Stores>

export const DAY_MS = 24 * 60 * 60 * 1000

/** Empty stores, and their clock. */
export async function start(
  t: Test,
  open: OpenStores,
  options: Omit<OpenOptions, 'clock'> = {},
): Promise<Omit<Stores, 'close'> & { clock: TestClock }> {
  const clock = new TestClock()
  const { db, queue, idempotency, cleanups, intake } = await open(t, { clock, ...options })
  return { db, queue, idempotency, cleanups, intake, clock }
}
