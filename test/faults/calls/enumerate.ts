import type { Test } from 'tap'
import { count } from '../figures.ts'

export interface Report {
  /** How many calls went wrong. */
  injected: number
  /** What was broken of the promise; none when it was kept. */
  violations: string[]
}

/** Judges promises: collects the names of those that do not hold. */
export class Judge {
  readonly violations: string[] = []

  check(holds: boolean, promise: string): void {
    if (!holds) this.violations.push(promise)
  }
}

/** Which calls of a run go wrong, and how: `times` of them from the `first`, counted from 1. */
export interface Plan<F extends string> {
  first: number
  times: number
  fault: F
}

interface Faults<F extends string> {
  faults: readonly F[]
  /** How many calls in a row go wrong. A process dies but once. */
  times: readonly number[]
  /** The last call that goes wrong first; the last there is unless told. */
  last?: number
}

/** Once, twice, always. */
export const EVERY_NUMBER = [1, 2, Number.POSITIVE_INFINITY] as const

/**
 * Lets each call of a run go wrong in turn: the first, the second, … until a run completes untouched; and that for
 * each kind of fault and each number of times. Ends with the first violation: what follows one is not to be trusted.
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
