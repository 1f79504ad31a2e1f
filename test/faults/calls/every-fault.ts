import type { Test } from 'tap'
import { StoreUnavailable } from '../../../src/errors/store-errors.ts'
import type { Clock } from '../../../src/kit/clock.ts'
import type { Stores } from '../../../src/stores/ports.ts'
import { count } from '../figures.ts'
import { eachPort } from '../stores.ts'

export interface Report {
  /** How many calls failed. */
  injected: number
  violations: string[]
}

/** Collects the promises that do not hold. */
export class Checks {
  readonly violations: string[] = []

  check(holds: boolean, promise: string): void {
    if (!holds) this.violations.push(promise)
  }
}

/** Which calls of a run fail, and how: `times` calls from the `first`, counted from 1. */
export interface Plan<F extends string> {
  first: number
  times: number
  fault: F
}

interface Faults<F extends string> {
  faults: readonly F[]
  /** How many calls in a row fail. A process dies only once. */
  times: readonly number[]
  /** The last call that is tried as the first to fail; all calls unless given. */
  last?: number
}

/** Once, twice, always. */
export const EVERY_NUMBER = [1, 2, Number.POSITIVE_INFINITY] as const

/**
 * Lets each call of a run fail in turn: the first, the second, and so on until a run completes without a failure; for
 * each kind of fault and each number of times. Stops at the first violation, which may cause others.
 */
export async function everyFault<F extends string>(
  t: Test,
  { faults, times, last = Number.POSITIVE_INFINITY }: Faults<F>,
  run: (plan: Plan<F>) => Promise<Report>,
): Promise<void> {
  let injected = 0
  for (const fault of faults) {
    for (const number of fault.startsWith('death') ? [1] : times) {
      for (let first = 1; first <= last; first++) {
        const report = await run({ first, times: number, fault })
        if (report.violations.length > 0) return void t.fail(`call ${first}, ${fault}, ${number} times`, report)
        if (report.injected === 0) break
        injected += report.injected
      }
    }
  }
  t.ok(injected >= faults.length, `${injected} faults`)
  count('faults', injected)
}

/**
 * How a call to a store fails: before or after its effect; without an answer; without an answer and with its effect a
 * minute later; because the process dies before or after its effect.
 */
export const FAULTS = ['before', 'after', 'hang', 'late', 'death before', 'death after'] as const
export type Fault = (typeof FAULTS)[number]

const LATE_MS = 60_000

const never = <T>(): Promise<T> => new Promise(() => {})

/** Lets planned calls between a service and its stores fail. */
export class FaultLayer {
  readonly #clock: Clock
  readonly #patienceMs: number
  #plan: Plan<Fault> | null = null
  #calls = 0
  /** Resolves when the process dies; later calls are never answered. */
  readonly death = Promise.withResolvers<'died'>()
  dead = false
  injected = 0

  /** @param patienceMs the time limit after which an unanswered call fails, as in the engines */
  constructor(clock: Clock, patienceMs = Number.POSITIVE_INFINITY) {
    this.#clock = clock
    this.#patienceMs = patienceMs
  }

  arm(plan: Plan<Fault>): void {
    this.#plan = plan
    this.#calls = 0
    this.injected = 0
  }

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
