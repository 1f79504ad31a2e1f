import { ServiceError } from '../errors/service-error.ts'
import type { Clock } from './clock.ts'

/** Most calls that may wait; further ones are refused. */
const MAX_WAITING = 4_096
/** A call that has waited this long is refused instead of started, in milliseconds. */
const MAX_WAIT_MS = 10_000

/** Limits how many calls run at a time; the others wait in line. */
export class ConcurrencyLimit {
  readonly #clock: Clock
  readonly #limit: number
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(limit: number, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
  }

  /** @throws {ServiceError} SERVICE_OVERLOADED when too many calls wait, or this one has waited too long */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limit) this.#running++
    else await this.#wait()
    try {
      return await call()
    } finally {
      this.#release()
    }
  }

  /** Waits until an earlier call passes its slot on. */
  async #wait(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) throw new ServiceError('SERVICE_OVERLOADED')
    const since = this.#clock.now()
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#clock.now() - since < MAX_WAIT_MS) return
    this.#release()
    throw new ServiceError('SERVICE_OVERLOADED')
  }

  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next()
  }
}
