import type { Clock } from './clock.ts'

/** Lets so many lines through in each second, and counts those it does not. */
export class LineLimiter {
  readonly #most: number
  readonly #clock: Clock
  #second = 0
  #taken = 0
  #leftOut = 0

  constructor(most: number, clock: Clock) {
    this.#most = most
    this.#clock = clock
  }

  /** Whether another line may be written in this second; where it may not, it counts as left out. */
  hasRoom(): boolean {
    const second = Math.floor(this.#clock.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#taken = 0
    }
    if (this.#taken < this.#most) return true
    this.#leftOut++
    return false
  }

  /** Takes up room for a line. @returns how many were left out since the last one */
  take(): number {
    this.#taken++
    const leftOut = this.#leftOut
    this.#leftOut = 0
    return leftOut
  }
}
