import { StoreUnavailable } from '../../../src/errors/store-errors.ts'
import type { Clock } from '../../../src/kit/clock.ts'
import type { Stores } from '../../../src/stores/ports.ts'
import type { Plan } from './enumerate.ts'
import { eachPort } from './ports.ts'

/**
 * How a call to a store goes wrong: it has no effect and fails; it has its effect and the reply is lost; it is never
 * answered; it is never answered and has its effect a minute later; the process dies before or after the effect.
 */
export const FAULTS = ['before', 'after', 'hang', 'late', 'death before', 'death after'] as const
export type Fault = (typeof FAULTS)[number]

const LATE_MS = 60_000

const never = <T>(): Promise<T> => new Promise(() => {})

/** Stands between a service and its stores, and lets planned calls go wrong. */
export class FaultLayer {
  readonly #clock: Clock
  readonly #patienceMs: number
  #plan: Plan<Fault> | null = null
  #calls = 0
  /** Resolves when the process has died; then no call gets through any more. */
  readonly death = Promise.withResolvers<'died'>()
  dead = false
  /** How many calls of the plan went wrong. */
  injected = 0

  /** @param patienceMs after how long a call that is never answered fails; an engine behind a thread gives up so */
  constructor(clock: Clock, patienceMs = Number.POSITIVE_INFINITY) {
    this.#clock = clock
    this.#patienceMs = patienceMs
  }

  /** From now on calls are counted from 1, and those of the plan go wrong. */
  arm(plan: Plan<Fault>): void {
    this.#plan = plan
    this.#calls = 0
    this.injected = 0
  }

  /** From now on everything works. */
  mend(): void {
    this.#plan = null
  }

  wrap(stores: Stores): Stores {
    return eachPort(stores, (call) => this.#call(call))
  }

  async #call(effect: () => Promise<unknown>): Promise<unknown> {
    if (this.dead) return never()
    if (this.#plan === null) return effect()
    const { first, times, fault } = this.#plan
    const number = ++this.#calls
    if (number < first || number >= first + times) return effect()
    this.injected++
    if (fault === 'after' || fault === 'death after') await effect()
    if (fault === 'late') this.#clock.after(LATE_MS, () => void effect().catch(() => {}))
    if (fault === 'before' || fault === 'after') throw new StoreUnavailable(`call ${number} failed`)
    if (fault === 'hang' || fault === 'late') return this.#unanswered()
    this.dead = true
    this.death.resolve('died')
    return never()
  }

  #unanswered(): Promise<never> {
    if (this.#patienceMs === Number.POSITIVE_INFINITY) return never()
    return new Promise((_, reject) => {
      this.#clock.after(this.#patienceMs, () => reject(new StoreUnavailable('no answer')))
    })
  }
}
