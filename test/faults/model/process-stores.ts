import type { Clock } from '../../../src/kit/clock.ts'
import type { Stores } from '../../../src/stores/ports.ts'

/** At which of its calls to a store a process dies, counted from 1, and whether that call still has its effect. */
export interface Death {
  call: number
  hasEffect: boolean
}

/** Stands between one process and its stores: counts the calls under way, and lets the process die. */
export class ProcessStores {
  readonly stores: Stores
  /** Time as the process sees it: a dead one is not woken any more. */
  readonly clock: Clock
  /** Calls that have reached a store and are not answered yet. */
  underWay = 0
  dead = false
  /** Resolves when the process has died at a call. */
  readonly death = Promise.withResolvers<void>()
  readonly #pause: (call: string) => Promise<void>
  #planned: Death | null = null

  /** @param pause what each call and each reply waits for on its way */
  constructor(stores: Stores, clock: Clock, pause: (call: string) => Promise<void> = async () => {}) {
    this.#pause = pause
    const { db, queue, idempotency, cleanups, intake } = stores
    this.stores = {
      db: this.#port(db),
      queue: this.#port(queue),
      idempotency: this.#port(idempotency),
      cleanups: this.#port(cleanups),
      intake: intake === null ? null : this.#port(intake),
      close: () => stores.close(),
    }
    this.clock = {
      now: () => clock.now(),
      after: (ms, run) => clock.after(ms, () => this.dead || run()),
    }
  }

  /** Plans a death; null takes it back. */
  plan(death: Death | null): void {
    this.#planned = death === null ? null : { ...death }
  }

  /** No call gets through from now on. */
  die(): void {
    this.dead = true
    this.death.resolve()
  }

  #port<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        if (name === 'onReady') return method.bind(target)
        return (...args: unknown[]) => this.#call(String(name), () => method.apply(target, args))
      },
    })
  }

  async #call(name: string, effect: () => Promise<unknown>): Promise<unknown> {
    const isLast = this.#planned !== null && --this.#planned.call === 0
    if (isLast && this.#planned?.hasEffect === false) this.die()
    if (this.dead) return never()
    this.underWay++
    try {
      await this.#pause(name)
      if (this.dead) await never()
      const result = await effect()
      await this.#pause(`reply to ${name}`)
      return result
    } finally {
      this.underWay--
      if (isLast) this.die()
      if (this.dead) await never()
    }
  }
}

const never = (): Promise<never> => new Promise(() => {})
