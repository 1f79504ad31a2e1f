import fc, { type RunDetails } from 'fast-check'
import type { Test } from 'tap'
import { seed, sized } from '../extent.ts'

/** How often a property is tried, and its stream of the seed. */
export interface Extent {
  runs: number
  stream: number
}

/** The longest a test may take, in milliseconds. */
export const LONGEST_MS = sized(300_000, 1_500_000)
/** When a property is interrupted and fails with the smallest counterexample so far, in milliseconds. */
const BREAK_OFF_MS = sized(60_000, 600_000)
/** A run that takes longer counts as hanging, in milliseconds. */
const HANG_MS = 25_000

/**
 * The parameters of a property: everything from the seed, or the one failure that FAULT_PATH names.
 * @returns also which commands of that failure ran, which fast-check needs beside the path; null when FAULT_PATH names
 * another property
 */
export function repeatOf(name: string, { runs, stream }: Extent) {
  const own = { seed: (seed + stream) | 0, includeErrorInReport: true, timeout: HANG_MS }
  const [other, path, replayPath] = process.env.FAULT_PATH?.split(',') ?? []
  if (path === undefined) {
    const limit = { interruptAfterTimeLimit: BREAK_OFF_MS, markInterruptAsFailure: true }
    return { parameters: { ...own, numRuns: runs, ...limit }, replayPath }
  }
  return other === name ? { parameters: { ...own, path, endOnFailure: true }, replayPath } : null
}

/** Fails the test with the counterexample, and the FAULT_SEED and FAULT_PATH that repeat it. */
export function report<T>(t: Test, name: string, details: RunDetails<T>): void {
  if (!details.failed) return void t.pass(`${details.numRuns} runs`)
  const text = fc.defaultReportMessage(details) ?? ''
  const [, replayPath] = /replayPath="([^"]*)"/.exec(text) ?? []
  const path = [name, details.counterexamplePath, replayPath].filter((part) => part !== undefined).join(',')
  const repeat = `FAULT_SEED=${seed} FAULT_PATH='${path}'`
  t.fail(`${name}, repeat it with ${repeat}`, { found: text.split('\n') })
}
