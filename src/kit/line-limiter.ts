import type { Clock } from './clock.ts'

/** Limits log lines per second, and counts those that are dropped. */
export class LineLimiter {
  readonly #maxPerSecond: number
  readonly #clock: Clock
  #second = 0
  #written = 0
  #dropped = 0

  constructor(maxPerSecond: number, clock: Clock) {
    this.#maxPerSecond = maxPerSecond
    this.#clock = clock
  }

  /** Whether another line may be written in this second. If not, counts it as dropped. */
  admitOrDrop(): boolean {
    const second = Math.floor(this.#clock.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#written = 0
    }
    if (this.#written < this.#maxPerSecond) return true
    this.#dropped++
    return false
  }

  /** Counts a written line. @returns how many were dropped since the previous one */
  countWritten(): number {
    this.#written++
    const dropped = this.#dropped
    this.#dropped = 0
    return dropped
  }
}
