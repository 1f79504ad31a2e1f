import { markdownTable } from '../../docs/figures.ts'
import { type Figure, type FigureLine, figures, type Peak } from './figures.ts'

/** The result of a long run. */
export interface Run {
  counted: Map<Figure, number>
  seed: number
  seconds: number
  /** The day it ended, as YYYY-MM-DD. */
  day: string
}

/** Adds up the record of a run. */
function addUp(record: string): Map<Figure, number> {
  const counted = new Map<Figure, number>()
  for (const line of record.split('\n').filter((text) => text !== '')) {
    const { figure, by } = JSON.parse(line) as Partial<FigureLine>
    if (figure === undefined || by === undefined) continue
    counted.set(figure, (counted.get(figure) ?? 0) + by)
  }
  return counted
}

/** The peaks in the record of a run. */
export function peaksOf(record: string): Peak[] {
  const lines = record.split('\n').filter((text) => text !== '')
  return lines.map((line) => JSON.parse(line) as Peak).filter(({ hostile }) => hostile !== undefined)
}

/** The table of docs/operations.md. */
export function memoryTable(peaks: Peak[], day: string): string {
  const rows = peaks.map(({ hostile, mebibytes, served, slowestMs }) => [
    hostile,
    number(mebibytes),
    number(served),
    number(slowestMs),
  ])
  const head = ['Hostile clients', 'Most memory, MiB', 'Others served', 'The slowest of them, ms']
  return `${markdownTable([head, ...rows])}\n\nRun of ${day}, Node ${process.version}.`
}

/** The figures that a run did not reach. */
export function missed({ counted }: Pick<Run, 'counted'>): Figure[] {
  return (Object.keys(figures) as Figure[]).filter((figure) => (counted.get(figure) ?? 0) < figures[figure].goal)
}

/** The table of docs/reliability.md for a run without violations. */
export function table({ counted, seed, seconds, day }: Run): string {
  const rows = (Object.keys(figures) as Figure[]).map((figure) => {
    const { counts, goal } = figures[figure]
    return [counts, number(goal), number(counted.get(figure) ?? 0), figure === 'plantedBugs' ? 'all caught' : '0']
  })
  const caption = `Run of ${day}, seed ${seed}, Node ${process.version}, ${Math.round(seconds / 60)} minutes.`
  return `${markdownTable([['What was done', 'Goal', 'Done', 'Violations'], ...rows])}\n\n${caption}`
}

const number = (value: number): string => value.toLocaleString('en-US')

/** The result of a part of the long run. */
export interface PartResult {
  /** Whether every promise was kept. */
  isGood: boolean
  seconds: number
  /** The day it ended, as YYYY-MM-DD. */
  day: string
  /** The lines of figures that its tests wrote. */
  record: string
}

/** The progress of a long run. */
export interface RunState {
  /** The commit. */
  version: string
  seed: number
  parts: Record<string, PartResult>
}

export const begin = (version: string, seed: number): RunState => ({ version, seed, parts: {} })

/** @returns the run to resume; null if there is none, or it ran on another commit */
export const resumable = (state: RunState | null, version: string): RunState | null =>
  state?.version === version ? state : null

/** The named parts, or all; when resuming, only those that have not passed. */
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
