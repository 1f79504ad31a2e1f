import { StoreUnavailable } from '../errors/store-errors.ts'

/** The source of time; tests pass one that they move by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Calls `run` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, run: () => void): () => void
}

/** Returns a number in [0, 1), like Math.random. */
export type Random = () => number

/** Node fires a longer timer at once. */
const LONGEST_TIMER_MS = 2_147_483_647

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS))
    return () => clearTimeout(timer)
  },
}

/** ISO 8601 in UTC with milliseconds, the format of all answers. */
export function isoTime(ms: number): string {
  // Cached: under load, many answers share a millisecond.
  if (ms !== last.ms) last = { ms, text: new Date(ms).toISOString() }
  return last.text
}

/** `isoTime`; null stays null. */
export const isoTimeOrNull = (ms: number | null): string | null => (ms === null ? null : isoTime(ms))

let last = { ms: 0, text: '1970-01-01T00:00:00.000Z' }

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i

/** @returns a time of RFC 3339 in ms since the epoch, cut to the millisecond; null when the text is none */
export function readTime(text: string): number | null {
  const [, year, month, day] = RFC_3339.exec(text) ?? []
  const ms = Date.parse(text.toUpperCase())
  // `Date.parse` alone would take 30 February for a day in March.
  const isDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
  return isDay && !Number.isNaN(ms) ? ms : null
}

/**
 * Waits for `promise`, but at most `ms` milliseconds and only until `signal` is aborted.
 * @param promise must not reject
 * @returns its value, or why there is none
 */
export function waitFor<T>(
  promise: Promise<T>,
  ms: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<T | 'late' | 'stopped'> {
  if (signal?.aborted) return Promise.resolve('stopped')
  return new Promise((resolve) => {
    const end = (result: T | 'late' | 'stopped'): void => {
      cancel()
      signal?.removeEventListener('abort', stopped)
      resolve(result)
    }
    const stopped = (): void => end('stopped')
    const cancel = clock.after(ms, () => end('late'))
    signal?.addEventListener('abort', stopped)
    promise.then(end)
  })
}

/** Resolves after `ms` milliseconds, or at once when `signal` is or becomes aborted. */
export const sleep = (clock: Clock, ms: number, signal?: AbortSignal): Promise<unknown> =>
  waitFor(new Promise<never>(() => {}), ms, clock, signal)

/** The time by which something must have ended. When the clock is set back it moves back too, so it is still reached. */
export class Deadline {
  readonly #clock: Clock
  #at: number
  /** When the clock was last read. */
  #readAt: number

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.#readAt = clock.now()
    this.#at = this.#readAt + ms
  }

  /** In milliseconds since the epoch. */
  get at(): number {
    const now = this.#clock.now()
    this.#at -= Math.max(0, this.#readAt - now)
    this.#readAt = now
    return this.#at
  }

  /** Milliseconds left; 0 when it has passed. */
  get left(): number {
    return Math.max(0, this.at - this.#readAt)
  }

  /**
   * Waits for a store call until the deadline.
   * @throws {StoreUnavailable} when the deadline passes first; whether the call succeeds later is unknown
   */
  bound<T>(call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(this.left, () =>
        reject(new StoreUnavailable('The store did not answer in time')),
      )
      call.then(
        (value) => {
          cancel()
          resolve(value)
        },
        (error) => {
          cancel()
          reject(error)
        },
      )
    })
  }
}
