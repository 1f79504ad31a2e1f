import type { Clock } from '../../src/kit/clock.ts'

interface Timer {
  at: number
  run: () => void
}

/** A clock that stands still until it is moved by hand. */
export class TestClock implements Clock {
  #now: number
  #timers: Timer[] = []

  constructor(start = Date.UTC(2026, 0, 31, 12)) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(ms, 0), run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** How many timers have neither run nor been cancelled. */
  get waiting(): number {
    return this.#timers.length
  }

  /** When the next timer is due, in milliseconds since the epoch; never when none waits. */
  get nextAt(): number {
    return Math.min(Infinity, ...this.#timers.map(({ at }) => at))
  }

  /** Moves on by `ms` milliseconds and runs each timer at its time; of those due together, the first set goes first. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let timer = this.#nextUntil(end); timer !== undefined; timer = this.#nextUntil(end)) {
      this.#timers.splice(this.#timers.indexOf(timer), 1)
      this.#now = Math.max(this.#now, timer.at)
      timer.run()
    }
    this.#now = end
  }

  /** Sets the clock back by `ms` milliseconds, as an administrator or NTP does. Timers run as they would have. */
  setBack(ms: number): void {
    this.#now -= ms
    for (const timer of this.#timers) timer.at -= ms
  }

  #nextUntil(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) if (timer.at <= end && timer.at < (next?.at ?? Infinity)) next = timer
    return next
  }
}
