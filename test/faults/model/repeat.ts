import fc, { type Parameters, type RunDetails } from 'fast-check'
import type { Test } from 'tap'
import { seed, sized } from '../extent.ts'

/** How far a property is tried, and which stream of the run's seed it draws from. */
export interface Extent {
  runs: number
  stream: number
}

/** The longest a test may take, in milliseconds. */
export const LONGEST_MS = sized(300_000, 1_500_000)
/** When a property is broken off and fails, in milliseconds; the least counterexample by then is told. */
const BREAK_OFF_MS = sized(60_000, 600_000)
/** The longest one run may take before it counts as hanging, in milliseconds. */
const HANG_MS = 25_000

interface Repeat {
  parameters: Pick<
    Parameters,
    | 'seed'
    | 'path'
    | 'numRuns'
    | 'endOnFailure'
    | 'includeErrorInReport'
    | 'timeout'
    | 'interruptAfterTimeLimit'
    | 'markInterruptAsFailure'
  >
  /** Which commands of the counterexample were run; fast-check needs it beside the path. */
  replayPath?: string
}

/**
 * What a property is to be run with: everything from the seed, or the one failure that FAULT_PATH names. A report
 * prints the FAULT_SEED and FAULT_PATH that repeat it.
 * @returns null when FAULT_PATH is another property's
 */
export function repeatOf(name: string, { runs, stream }: Extent): Repeat | null {
  const own = { seed: (seed + stream) | 0, includeErrorInReport: true, timeout: HANG_MS }
  const [other, path, replayPath] = process.env.FAULT_PATH?.split(',') ?? []
  if (path === undefined) {
    const limit = { interruptAfterTimeLimit: BREAK_OFF_MS, markInterruptAsFailure: true }
    return { parameters: { ...own, numRuns: runs, ...limit } }
  }
  if (other !== name) return null
  const parameters = { ...own, path, endOnFailure: true }
  return replayPath === undefined ? { parameters } : { parameters, replayPath }
}

/** Fails the test with the counterexample and how to repeat it. */
export function report<T>(t: Test, name: string, details: RunDetails<T>): void {
  if (!details.failed) {
    t.pass(`${details.numRuns} runs`)
    return
  }
  const text = fc.defaultReportMessage(details) ?? ''
  const [, replayPath] = /replayPath="([^"]*)"/.exec(text) ?? []
  const path = [name, details.counterexamplePath, replayPath].filter((part) => part !== undefined).join(',')
  const repeat = `FAULT_SEED=${seed} FAULT_PATH='${path}'`
  t.fail(`${name}, to be repeated with ${repeat}`, { found: text.split('\n') })
}
