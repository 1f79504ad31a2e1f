import { StoreUnavailable } from '../errors/store-errors.ts'
import type { Clock } from './clock.ts'

/** How long determining the outcome of failed attempts may take, in milliseconds. */
export const SETTLE_MS = 1_000

/** The time by which a submission must have ended. */
export class Deadline {
  readonly #clock: Clock
  /** In milliseconds since the epoch. */
  readonly at: number

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.at = clock.now() + ms
  }

  /** Milliseconds left; 0 when it has passed. */
  get left(): number {
    return Math.max(0, this.at - this.#clock.now())
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
