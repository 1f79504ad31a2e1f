import type { Clock } from './clock.ts'

/** Lets so many lines through in each second, and counts those it does not. */
export class LinesASecond {
  readonly #most: number
  readonly #clock: Clock
  #second = 0
  #taken = 0
  #leftOut = 0

  constructor(most: number, clock: Clock) {
    this.#most = most
    this.#clock = clock
  }

  /** @returns how many were left out since the last line; null when this one is left out as well */
  take(): number | null {
    const second = Math.floor(this.#clock.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#taken = 0
    }
    if (this.#taken === this.#most) {
      this.#leftOut++
      return null
    }
    this.#taken++
    const leftOut = this.#leftOut
    this.#leftOut = 0
    return leftOut
  }
}
