import { ServiceError } from '../errors/service-error.ts'
import type { Clock } from './clock.ts'

interface TurnsOptions {
  clock: Clock
  /** How many calls run at a time. */
  most: number
}

/** Most calls that wait in line; one more is refused. */
const LONGEST_LINE = 4_096
/** A call that has waited for so long is refused instead of begun, in milliseconds. */
const PATIENCE_MS = 10_000

/** Lets so many calls run at a time; the others wait for their turn. */
export class Turns {
  readonly #clock: Clock
  readonly #most: number
  #running = 0
  readonly #line: (() => void)[] = []

  constructor({ clock, most }: TurnsOptions) {
    this.#clock = clock
    this.#most = most
  }

  /** @throws {ServiceError} SERVICE_OVERLOADED where too many wait, or for too long */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running < this.#most) this.#running++
    else await this.#turn()
    try {
      return await call()
    } finally {
      this.#next()
    }
  }

  /** Waits until an earlier call hands its turn on. */
  async #turn(): Promise<void> {
    if (this.#line.length >= LONGEST_LINE) throw new ServiceError('SERVICE_OVERLOADED')
    const since = this.#clock.now()
    await new Promise<void>((resolve) => this.#line.push(resolve))
    if (this.#clock.now() - since < PATIENCE_MS) return
    this.#next()
    throw new ServiceError('SERVICE_OVERLOADED')
  }

  #next(): void {
    const next = this.#line.shift()
    if (next === undefined) this.#running--
    else next()
  }
}
