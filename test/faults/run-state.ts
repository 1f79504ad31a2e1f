import { addUp, type Run } from './report.ts'

/** What came of a part of the long run. */
export interface PartResult {
  /** Whether every promise was kept. */
  isGood: boolean
  seconds: number
  /** The day it ended, as YYYY-MM-DD. */
  day: string
  /** The lines of figures that its tests wrote. */
  record: string
}

/** A long run as far as it has come. */
export interface RunState {
  /** The version of the code that it runs on. */
  version: string
  seed: number
  parts: Record<string, PartResult>
}

export const begin = (version: string, seed: number): RunState => ({ version, seed, parts: {} })

/** @returns the run to go on with; null when there is none, or it ran on other code */
export const resumable = (state: RunState | null, version: string): RunState | null =>
  state?.version === version ? state : null

/** The parts to run: those named, else all; of a run that is resumed those that are not done well. */
export function chosenParts(all: string[], named: string[], { parts }: RunState, isResumed: boolean): string[] {
  const wanted = named.length > 0 ? named : all
  return isResumed ? wanted.filter((part) => !parts[part]?.isGood) : wanted
}

export const allGood = (all: string[], { parts }: RunState): boolean => all.every((part) => parts[part]?.isGood)

/** All parts as one run. */
export function summary({ seed, parts }: RunState): { run: Run; record: string } {
  const results = Object.values(parts)
  const record = results.map(({ record }) => record).join('')
  const seconds = results.reduce((sum, { seconds }) => sum + seconds, 0)
  const day =
    results
      .map(({ day }) => day)
      .sort()
      .at(-1) ?? ''
  return { run: { counted: addUp(record), seed, seconds, day }, record }
}
