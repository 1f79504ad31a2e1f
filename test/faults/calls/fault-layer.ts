import type { Stores } from '../../../src/stores/ports.ts'
import type { TestClock } from '../../test-clock.ts'

/**
 * How a call to a store goes wrong: it has no effect and fails; it has its effect and the reply is lost; it is never
 * answered; it is never answered and has its effect a minute later; the process dies before or after the effect.
 */
export const FAULTS = ['before', 'after', 'hang', 'late', 'death before', 'death after'] as const
export type Fault = (typeof FAULTS)[number]

/** Which calls of a run go wrong: `times` of them from the `first`, counted from 1 over all ports. */
export interface Plan {
  first: number
  times: number
  fault: Fault
}

const LATE_MS = 60_000

const never = <T>(): Promise<T> => new Promise(() => {})

/** Stands between a service and its stores, and lets planned calls go wrong. */
export class FaultLayer {
  readonly #plan: Plan
  readonly #clock: TestClock
  #calls = 0
  #armed = false
  /** Resolves when the process has died; then no call gets through any more. */
  readonly death = Promise.withResolvers<'died'>()
  dead = false
  /** How many calls went wrong. */
  injected = 0

  constructor(plan: Plan, clock: TestClock) {
    this.#plan = plan
    this.#clock = clock
  }

  /** From now on calls are counted, and those of the plan go wrong. */
  arm(): void {
    this.#armed = true
  }

  /** From now on everything works. */
  mend(): void {
    this.#armed = false
  }

  wrap(stores: Stores): Stores {
    const { db, queue, idempotency, cleanups, intake } = stores
    return {
      ...stores,
      db: this.#port(db),
      queue: this.#port(queue),
      idempotency: this.#port(idempotency),
      cleanups: this.#port(cleanups),
      intake: intake === null ? null : this.#port(intake),
    }
  }

  #port<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>
        if (name === 'onReady') return method.bind(target)
        return (...args: unknown[]) => this.#call(() => method.apply(target, args))
      },
    })
  }

  async #call(effect: () => Promise<unknown>): Promise<unknown> {
    if (this.dead) return never()
    const { first, times, fault } = this.#plan
    if (!this.#armed) return effect()
    const number = ++this.#calls
    if (number < first || number >= first + times) return effect()
    this.injected++
    if (fault === 'after' || fault === 'death after') await effect()
    if (fault === 'late') this.#clock.after(LATE_MS, () => void effect().catch(() => {}))
    if (fault === 'before' || fault === 'after') throw new Error(`call ${number} failed`)
    if (fault.startsWith('death')) {
      this.dead = true
      this.death.resolve('died')
    }
    return never()
  }
}
