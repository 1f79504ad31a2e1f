import { callGoals, enduranceGoals, millionGoals, overloadGoals, sweepGoals } from './goals-at-length.ts'
import { atLeast, below, inMs, whole } from './judged.ts'
import { postgresGoals } from './postgres/goals.ts'
import type { Judged, Measured } from './record.ts'
import type { Figure } from './under.ts'

/** The goals that a run has measured, judged. */
export function judge(measured: Measured): Judged[] {
  return [
    ...caseGoals(measured),
    ...ifMeasured(measured.million, (million) => [...millionGoals(million), ...callGoals(million)]),
    ...ifMeasured(measured.endurance, enduranceGoals),
    ...ifMeasured(measured.sweep, sweepGoals),
    ...ifMeasured(measured.overload, overloadGoals),
    ...ifMeasured(measured.postgres, postgresGoals),
  ]
}

/** The figure of one contender in one case, where it was measured. */
export function figureOf({ cases }: Measured, name: string, contender: string): Figure | undefined {
  return cases.find((each) => each.name === name)?.figures.find((figure) => figure.contender === contender)
}

interface Pair {
  ours: Figure
  other: Figure
}

/** Two figures, each by its case and contender. */
type Names = [ours: [string, string], other: [string, string]]

function pair(measured: Measured, names: Names): Pair | undefined {
  const [ours, other] = names.map(([name, contender]) => figureOf(measured, name, contender))
  return ours && other ? { ours, other } : undefined
}

const besideBare = (name: string): Names => [
  [name, 'sqlite'],
  [name, 'bare'],
]

function caseGoals(measured: Measured): Judged[] {
  const list = figureOf(measured, 'list', 'sqlite')
  const consumption: Names = [
    ['consume-100', 'sqlite'],
    ['single', 'sqlite'],
  ]
  return [
    ...ifMeasured(pair(measured, besideBare('single')), singleGoals),
    ...ifMeasured(list, ({ rate }) => [atLeast('Lists of 100: at least 100,000 formulas/s', rate, 100_000, whole)]),
    ...ifMeasured(pair(measured, besideBare('replay')), (replay) => [
      atLeast('Replays: at least 0.7 of the bare route', ratio(replay), 0.7),
    ]),
    ...ifMeasured(pair(measured, consumption), (both) => [
      atLeast('Receive and ack by 100: at least 2 events for each formula taken in', ratio(both), 2),
    ]),
    ...ifMeasured(pair(measured, besideBare('one-connection')), ({ ours, other }) => [
      below('One connection: p50 less than 1.5 ms above the bare route', ours.p50Ms - other.p50Ms, 1.5, inMs),
    ]),
  ]
}

function ifMeasured<T>(found: T | undefined, goals: (found: T) => Judged[]): Judged[] {
  return found === undefined ? [] : goals(found)
}

function singleGoals(single: Pair): Judged[] {
  return [
    atLeast('One formula, 64 connections: at least 0.5 of the bare route', ratio(single), 0.5),
    below('One formula, 64 connections: p99 below 25 ms', single.ours.p99Ms, 25, inMs),
  ]
}

const ratio = ({ ours, other }: Pair): number => ours.rate / other.rate
