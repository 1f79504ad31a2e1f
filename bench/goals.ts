import type { Endurance } from './endurance.ts'
import type { Calls, Million } from './million.ts'
import type { Overload } from './overload.ts'
import type { PostgresFigures } from './postgres/part.ts'
import { inMegabytes, inMs, whole } from './print.ts'
import type { Sweep } from './sweep.ts'
import type { Figure } from './trial.ts'

/** The contenders of one case. */
export interface CaseFigures {
  name: string
  title: string
  unit: string
  figures: Figure[]
}

/** What was measured. */
export interface Measured {
  cases: CaseFigures[]
  million?: Million
  overload?: Overload
  sweep?: Sweep
  endurance?: Endurance
  postgres?: PostgresFigures
}

/** A goal, its figure, and whether it holds. */
export interface Judged {
  goal: string
  figure: string
  holds: boolean
}

/** Judges the goals that were measured. */
export function judge(measured: Measured): Judged[] {
  const { million, endurance, sweep, overload, postgres } = measured
  return [
    ...caseGoals(measured),
    ...(million ? [...millionGoals(million), ...callGoals(million)] : []),
    ...(endurance ? enduranceGoals(endurance) : []),
    ...(sweep ? sweepGoals(sweep) : []),
    ...(overload ? overloadGoals(overload) : []),
    ...(postgres ? postgresGoals(postgres) : []),
  ].filter(({ figure }) => !figure.startsWith('NaN'))
}

const MAX_RSS_BYTES = 300e6
/** Medians of single calls vary: one up to this multiple of another counts as the same. */
const SAME = 1.3
/** So does one up to this much above another: 0.1 ms is a third of a short call. */
const SAME_MS = 0.2
const FLAT = 1.1

const ratio = (value: number): string => value.toFixed(2)

const atLeast = (goal: string, value: number, least: number, format = ratio): Judged => {
  return { goal, figure: format(value), holds: value >= least }
}

const below = (goal: string, value: number, limit: number, format = ratio): Judged => {
  return { goal, figure: format(value), holds: value < limit }
}

function caseGoals({ cases }: Measured): Judged[] {
  // NaN: not measured.
  const of = (name: string, contender: string, field: 'rate' | 'p50Ms' | 'p99Ms' = 'rate'): number =>
    cases.find((each) => each.name === name)?.figures.find((each) => each.contender === contender)?.[field] ??
    Number.NaN
  const besideBare = (name: string): number => of(name, 'sqlite') / of(name, 'bare')
  const added = of('one-connection', 'sqlite', 'p50Ms') - of('one-connection', 'bare', 'p50Ms')
  const perFormula = of('consume-100', 'sqlite') / of('single', 'sqlite')
  return [
    atLeast('One formula, 64 connections: at least 0.5 of the bare route', besideBare('single'), 0.5),
    below('One formula, 64 connections: p99 below 25 ms', of('single', 'sqlite', 'p99Ms'), 25, inMs),
    atLeast('Lists of 100: at least 100,000 formulas/s', of('list', 'sqlite'), 100_000, whole),
    atLeast('Replays: at least 0.7 of the bare route', besideBare('replay'), 0.7),
    atLeast('Receive and ack by 100: at least 2 events for each formula taken in', perFormula, 2),
    below('One connection: p50 less than 1.5 ms above the bare route', added, 1.5, inMs),
  ]
}

function millionGoals({ formulas, rates, startMs }: Million): Judged[] {
  const held = whole(formulas)
  const rssBytes = Math.max(...rates.map((each) => each.rssBytes))
  return [
    ...rates.map(({ title, empty, filled }) =>
      atLeast(`${title}, at ${held} formulas and events: at least 0.7 of the rate when empty`, filled / empty, 0.7),
    ),
    below(`RSS at ${held} formulas, under load: below 300 MB`, rssBytes, MAX_RSS_BYTES, inMegabytes),
    below(`Start with ${held} formulas, after a stop: below 2 s`, startMs.afterStop, 2000, inMs),
    below(`Start with ${held} formulas, after kill -9: below 2 s`, startMs.afterKill, 2000, inMs),
  ]
}

function callGoals({ formulas, calls: { empty, filled } }: Million): Judged[] {
  const titles: Record<keyof Calls, string> = {
    getById: 'A formula by its id',
    firstPage: 'The first page of formulas',
    receive: 'Receive',
    ack: 'Ack',
  }
  return (Object.keys(titles) as (keyof Calls)[]).map((name) => {
    const [few, many] = [empty[name], filled[name]]
    return {
      goal: `${titles[name]}: p50 does not grow up to ${whole(formulas)} formulas and events`,
      figure: `${few.toFixed(2)} to ${many.toFixed(2)} ms`,
      holds: many <= Math.max(few * SAME, few + SAME_MS),
    }
  })
}

function enduranceGoals({ seconds, mostRssBytes, growth }: Endurance): Judged[] {
  const time = `${(seconds / 60).toFixed(seconds % 60 === 0 ? 0 : 1)} minutes of load`
  return [
    below(`RSS in ${time}: below 300 MB`, mostRssBytes, MAX_RSS_BYTES, inMegabytes),
    below(`RSS in ${time}: the last minute at most ${FLAT} of the second`, growth, FLAT),
  ]
}

function sweepGoals({ expiring, lasting, fileBytes }: Sweep): Judged[] {
  const grown = (fileBytes.at(-1) ?? 0) / (fileBytes[1] ?? 0)
  return [
    {
      goal: 'Keys expire: the worst second is no worse than without (at least 0.8 of it, as shares of the median)',
      figure: `${expiring.toFixed(2)}, without ${lasting.toFixed(2)}`,
      holds: expiring >= 0.8 * lasting,
    },
    below(
      `${fileBytes.length} rounds of keys that expire: the file is at most ${FLAT} of its size after the second`,
      grown,
      FLAT,
    ),
  ]
}

function overloadGoals({ levels, recovered }: Overload): Judged[] {
  const [first, last] = [levels[0], levels.at(-1)]
  if (first === undefined || last === undefined) return []
  const { accepted, shed, otherwise } = last.probed
  const at = `${whole(last.connections)} connections`
  return [
    atLeast(`Overload, ${at}: at least 0.7 of the rate of ${first.connections}`, last.accepted / first.accepted, 0.7),
    {
      goal: `Overload, ${at}: p99 of the accepted below 1 s`,
      figure: accepted.count === 0 ? 'none accepted' : inMs(accepted.p99Ms),
      holds: accepted.count > 0 && accepted.p99Ms < 1000,
    },
    {
      goal: `Overload, ${at}: the others get 503 SERVICE_OVERLOADED with Retry-After, and nothing else`,
      figure: `${shed} of ${shed + accepted.count + otherwise}, ${otherwise} something else`,
      holds: shed > 0 && otherwise === 0,
    },
    atLeast('Overload: afterwards at least 0.9 of before', recovered.accepted / first.accepted, 0.9),
  ]
}

function postgresGoals({ intake, consumption, backlog, openTransaction }: PostgresFigures): Judged[] {
  const rateOf = (figures: { contender: string; rate: number }[], name: string): number =>
    figures.find(({ contender }) => contender === name)?.rate ?? Number.NaN
  const ours = rateOf(intake, 'postgres')
  const [transaction, boss] = [rateOf(intake, 'transaction-a-request'), rateOf(intake, 'pg-boss')]
  const consumed = rateOf(consumption, 'postgres') / rateOf(consumption, 'pg-boss')
  const held = whole(backlog.formulas)
  return [
    atLeast('PostgreSQL, one formula: at least 4 times a transaction for each request', ours / transaction, 4),
    atLeast('PostgreSQL, one formula: at least 8 times the same with pg-boss', ours / boss, 8),
    atLeast('PostgreSQL, receive and ack by 100: at least 2 times fetch and complete of pg-boss', consumed, 2),
    ...backlog.rates.map(({ title, empty, filled }) =>
      atLeast(`PostgreSQL, ${title}, at ${held} formulas and events: at least 0.7 of when empty`, filled / empty, 0.7),
    ),
    atLeast(
      'PostgreSQL, receive and ack by 100 while another transaction stays open: at least 0.7 of the rate without',
      openTransaction.open / openTransaction.none,
      0.7,
    ),
  ]
}
