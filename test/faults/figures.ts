import { appendFileSync } from 'node:fs'

/** What the fault runs count, and what the long run has to reach. */
export const figures = {
  faults: { goal: 2_000, counts: 'Calls to a store, and statements within them, that were made to fail' },
  killsOneTransaction: { goal: 200, counts: '`kill -9` under load, database and queue in one file' },
  killsSaga: { goal: 200, counts: '`kill -9` under load, database and queue in two files' },
  powerCuts: { goal: 200, counts: 'Power cuts: files as they are when writes that were not synced are lost or torn' },
  primaryDeaths: { goal: 100, counts: '`kill -9` of the primary of a replicated PostgreSQL, under load' },
  modelSteps: { goal: 100_000, counts: 'Random steps compared with a model of the whole service' },
  badInputs: { goal: 1_000, counts: 'Hostile requests and connections' },
  plantedBugs: { goal: 8, counts: 'Bugs planted on purpose, each caught by the test named for it' },
} as const

export type Figure = keyof typeof figures

/** One line of the record that a long run keeps. */
export interface FigureLine {
  figure: Figure
  by: number
}

/** The peak memory of the service in one hostile run, and how ordinary clients were served meanwhile. */
export interface Peak {
  hostile: string
  mebibytes: number
  served: number
  slowestMs: number
}

/** Adds to a figure of the run, where one is recorded (`FAULT_FIGURES` names the file). */
export function count(figure: Figure, by: number): void {
  write({ figure, by })
}

/** Adds a peak to the record of the run. */
export const recordPeak = (peak: Peak): void => write(peak)

function write(line: FigureLine | Peak): void {
  const record = process.env.FAULT_FIGURES
  if (record !== undefined) appendFileSync(record, `${JSON.stringify(line)}\n`)
}
