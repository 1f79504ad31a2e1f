import { inWords, type Spread } from './compare.ts'
import type { Endurance } from './endurance.ts'
import type { Calls, Million } from './million.ts'
import type { Overload } from './overload.ts'
import type { PostgresFigures } from './postgres/part.ts'
import type { ScaleRow } from './postgres/scale.ts'
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
  observed?: Spread
  subscriptions?: Spread
  overload?: Overload
  sweep?: Sweep
  endurance?: Endurance
  postgres?: PostgresFigures
  scale?: ScaleRow[]
}

/** A goal, its figure, and whether it holds. */
export interface Judged {
  goal: string
  figure: string
  holds: boolean
}

/** Judges the goals that were measured. */
export function judge(measured: Measured): Judged[] {
  const { million, observed, subscriptions, endurance, sweep, overload, postgres } = measured
  return [
    ...caseGoals(measured),
    ...(million ? [...millionGoals(million), ...callGoals(million)] : []),
    ...(observed ? [atNoCost('Metrics and log lines: at least 0.97 of the rate without', observed)] : []),
    ...(subscriptions ? [atNoCost('Four subscriptions: at least 0.97 of the rate with one', subscriptions)] : []),
    ...(endurance ? enduranceGoals(endurance) : []),
    ...(sweep ? sweepGoals(sweep) : []),
    ...(overload ? overloadGoals(overload) : []),
    ...(postgres ? postgresGoals(postgres) : []),
  ].filter(({ figure }) => !figure.startsWith('NaN'))
}

/** With single formulas over up to 256 connections. */
const RSS_BYTES = 512e6
/** With 1,024 connections, or lists. */
const MAX_RSS_BYTES = 768e6
/** Medians of single calls vary: up to this factor apart, they count as equal. */
const SAME = 1.3
/** They also count as equal up to this difference: 0.1 ms is a third of a short call. */
const SAME_MS = 0.2
/** What stays below this factor counts as not growing. */
const FLAT = 1.1

const ratio = (value: number): string => value.toFixed(2)

const atLeast = (goal: string, value: number, least: number, format = ratio): Judged => {
  return { goal, figure: format(value), holds: value >= least }
}

const atMost = (goal: string, value: number, most: number, format = ratio): Judged => {
  return { goal, figure: format(value), holds: value <= most }
}

type FigureField = Exclude<keyof Figure, 'contender'>

function caseGoals({ cases }: Measured): Judged[] {
  const figures = (name: string): Figure[] => cases.find((each) => each.name === name)?.figures ?? []
  // NaN: not measured.
  const of = (name: string, contender: string, field: FigureField = 'rate'): number =>
    figures(name).find((each) => each.contender === contender)?.[field] ?? Number.NaN
  const besideBare = (name: string): number => of(name, 'sqlite') / of(name, 'bare')
  const beside64 = (connections: number): number =>
    of('connections', `over ${connections}`) / of('connections', 'over 64')
  const beside100 = of('list', 'lists of 1,000') / of('list', 'sqlite')
  const besideLiveness = (reads: string): number => of('reads', reads) / of('reads', 'liveness')
  const slowestOfFastest = (starts: RegExp): number => {
    const rates = figures('starts').flatMap(({ contender, rate }) => (starts.test(contender) ? [rate] : []))
    return Math.min(...rates) / Math.max(...rates)
  }
  const [starts, bareStarts] = [/^start/, /^bare/].map(slowestOfFastest) as [number, number]
  const added = of('one-connection', 'sqlite', 'p50Ms') - of('one-connection', 'bare', 'p50Ms')
  const perFormula = of('consume-100', 'sqlite') / of('single', 'sqlite')
  const rss = (contender: string, name = 'connections'): number => of(name, contender, 'rssBytes')
  return [
    atLeast('One formula, 64 connections: at least 0.5 of the bare route', besideBare('single'), 0.5),
    atMost('One formula, 64 connections: p99 at most 25 ms', of('single', 'sqlite', 'p99Ms'), 25, inMs),
    atLeast('One formula, 256 connections: at least the rate of 64', beside64(256), 1),
    atLeast('One formula, 1,024 connections: at least 0.9 of the rate of 64', beside64(1_024), 0.9),
    {
      goal: '8 starts: the slowest at least 0.95 of the fastest',
      figure: `${ratio(starts)}, of the bare route ${ratio(bareStarts)}`,
      holds: starts >= 0.95,
    },
    atMost('One formula: at most 2,200 bytes written', of('single', 'sqlite', 'writtenBytesPerUnit'), 2_200, whole),
    atMost('One formula: at most 600 bytes kept', of('single', 'sqlite', 'keptBytesPerFormula'), 600, whole),
    atMost(
      'One formula, up to 256 connections: RSS at most 512 MB',
      Math.max(rss('over 64'), rss('over 256')),
      RSS_BYTES,
      inMegabytes,
    ),
    atMost(
      '1,024 connections, or lists of 1,000: RSS at most 768 MB',
      Math.max(rss('over 1024'), rss('lists of 1,000', 'list')),
      MAX_RSS_BYTES,
      inMegabytes,
    ),
    atLeast('Lists of 100: at least 120,000 formulas/s', of('list', 'sqlite'), 120_000, whole),
    atLeast(
      'The same with Prefer: return=minimal: at least 120,000 formulas/s',
      of('list', 'return=minimal'),
      120_000,
      whole,
    ),
    atLeast('Lists of 1,000: at least the rate of lists of 100', beside100, 1),
    atLeast('Replays: at least 0.7 of the bare route', besideBare('replay'), 0.7),
    atLeast('A formula by its id: at least 0.8 of GET /health/live', besideLiveness('by id'), 0.8),
    atLeast('Pages of 50: at least 16,200 a second', of('reads', 'pages of 50'), 16_200, whole),
    atLeast('Receive and ack by 100: at least 2 events for each formula taken in', perFormula, 2),
    atMost('One connection: p50 at most 1.5 ms above the bare route', added, 1.5, inMs),
  ]
}

function millionGoals({ formulas, rates, startMs }: Million): Judged[] {
  const held = whole(formulas)
  const rss = (named: RegExp): number =>
    Math.max(...rates.filter(({ name }) => named.test(name)).map(({ rssBytes }) => rssBytes))
  return [
    ...rates.map(({ title, empty, filled }) =>
      atLeast(`${title}, at ${held} formulas and events: at least 0.7 of the rate when empty`, filled / empty, 0.7),
    ),
    atMost(`Single formulas at ${held}: RSS at most 512 MB`, rss(/single/), RSS_BYTES, inMegabytes),
    atMost(`All loads at ${held} formulas: RSS at most 768 MB`, rss(/./), MAX_RSS_BYTES, inMegabytes),
    atMost(`Start with ${held} formulas, after a stop: at most 2 s`, startMs.afterStop, 2000, inMs),
    atMost(`Start with ${held} formulas, after kill -9: at most 2 s`, startMs.afterKill, 2000, inMs),
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

const atNoCost = (goal: string, rates: Spread): Judged => {
  return { goal, figure: inWords(rates), holds: rates.mean >= 0.97 }
}

function enduranceGoals({ seconds, mostRssBytes, growth }: Endurance): Judged[] {
  const time = `${(seconds / 60).toFixed(seconds % 60 === 0 ? 0 : 1)} minutes of load`
  return [
    atMost(`RSS in ${time}: at most 512 MB`, mostRssBytes, RSS_BYTES, inMegabytes),
    atMost(`RSS in ${time}: the last minute at most ${FLAT} of the second`, growth, FLAT),
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
    atMost(
      `${fileBytes.length} rounds of keys that expire: the file is at most ${FLAT} of its size after the second`,
      grown,
      FLAT,
    ),
  ]
}

function overloadGoals({ levels, recovered, restarted }: Overload): Judged[] {
  const [first, last] = [levels[0], levels.at(-1)]
  if (first === undefined || last === undefined) return []
  const { accepted, shed, otherwise } = last.probed
  const refused = levels.filter(({ connections }) => connections < 2_048).reduce((sum, level) => sum + level.refused, 0)
  const at = `${whole(last.connections)} connections`
  return [
    atMost('Below 2,048 clients under way: no refusal', refused, 0, whole),
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
    atLeast(
      'Overload: afterwards at least 0.9 of a new process on the same store',
      recovered.accepted / restarted.accepted,
      0.9,
    ),
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
