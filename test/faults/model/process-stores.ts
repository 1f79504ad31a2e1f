import type { Clock } from '../../../src/kit/clock.ts'
import type { Stores } from '../../../src/stores/ports.ts'
import { eachPort } from '../stores.ts'

/** The call to a store at which a process dies, counted from 1, and whether that call still takes effect. */
export interface Death {
  call: number
  hasEffect: boolean
}

/** The stores of one process: counts pending calls, and lets the process die. */
export class ProcessStores {
  readonly stores: Stores
  /** The clock of the process; the timers of a dead process do not fire. */
  readonly clock: Clock
  /** Calls without an answer so far. */
  pendingCalls = 0
  dead = false
  /** Resolves when the process has died at a call. */
  readonly death = Promise.withResolvers<void>()
  readonly #pause: (call: string) => Promise<void>
  #planned: Death | null = null

  /** @param pause delays each call and each reply */
  constructor(stores: Stores, clock: Clock, pause: (call: string) => Promise<void> = async () => {}) {
    this.#pause = pause
    this.stores = eachPort(stores, (call, name) => this.#call(name, call))
    this.clock = {
      now: () => clock.now(),
      after: (ms, run) => clock.after(ms, () => this.dead || run()),
    }
  }

  /** Plans a death; null cancels it. */
  plan(death: Death | null): void {
    this.#planned = death === null ? null : { ...death }
  }

  /** From now on no call is made or answered. */
  die(): void {
    this.dead = true
    this.death.resolve()
  }

  async #call(name: string, effect: () => Promise<unknown>): Promise<unknown> {
    const isLast = this.#planned !== null && --this.#planned.call === 0
    if (isLast && this.#planned?.hasEffect === false) this.die()
    if (this.dead) return never()
    this.pendingCalls++
    try {
      await this.#pause(name)
      if (this.dead) await never()
      const result = await effect()
      await this.#pause(`reply to ${name}`)
      return result
    } finally {
      this.pendingCalls--
      if (isLast) this.die()
      if (this.dead) await never()
    }
  }
}

const never = (): Promise<never> => new Promise(() => {})
