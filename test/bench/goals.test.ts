import { test } from 'tap'
import type { Spread } from '../../bench/compare.ts'
import { type Endurance, growth } from '../../bench/endurance.ts'
import { type CaseFigures, judge, type Measured } from '../../bench/goals.ts'
import type { Million } from '../../bench/million.ts'
import type { Level } from '../../bench/overload.ts'
import type { PostgresFigures } from '../../bench/postgres/part.ts'
import { casesTable, goalsTable } from '../../bench/print.ts'
import type { Figure } from '../../bench/trial.ts'
import { withFigures } from '../../docs/figures.ts'

const BLANK = { units: 1, rate: 1, p50Ms: 1, p99Ms: 1, cpuUsPerUnit: 1, rssBytes: 1, writtenBytesPerUnit: 1 }

function figures(name: string, told: Record<string, Partial<Figure>>): CaseFigures {
  const all = Object.entries(told).map(([contender, figure]) => ({ ...BLANK, ...figure, contender }))
  return { name, title: name, unit: 'formulas', figures: all }
}

/** Whether the one goal whose text matches holds. */
function holds(measured: Partial<Measured>, pattern: RegExp): boolean {
  const found = judge({ cases: [], ...measured }).filter(({ goal }) => pattern.test(goal))
  if (found.length !== 1) throw new Error(`${found.length} goals match ${pattern}`)
  return found[0]?.holds as boolean
}

/** Figures that just reach a goal, and figures that just miss it. */
type Edge = [goal: RegExp, reached: Partial<Measured>, missed: Partial<Measured>]

function checkEdges(edges: Edge[]): void {
  for (const [goal, reached, missed] of edges) {
    test(`${goal.source}: holds at its edge, and not beyond`, async (t) => {
      t.equal(holds(reached, goal), true)
      t.equal(holds(missed, goal), false)
    })
  }
}

const cases = (...all: CaseFigures[]): Measured => ({ cases: all })
const beside = (name: string, sqlite: Partial<Figure>): Measured =>
  cases(figures(name, { bare: { rate: 100, p50Ms: 1 }, sqlite }))
const consuming = (rate: number): Partial<Measured> =>
  cases(figures('single', { sqlite: { rate: 100 } }), figures('consume-100', { sqlite: { rate } }))

const connections = (told: Record<string, Partial<Figure>>): Measured =>
  cases(
    figures('connections', { 'over 64': { rate: 100 }, 'over 256': { rate: 100 }, 'over 1024': { rate: 90 }, ...told }),
  )
/** With lists as well, which share a goal with 1,024 connections. */
const rss = (of256: number, of1024: number, ofLists: number): Measured => {
  const all = connections({ 'over 256': { rssBytes: of256 }, 'over 1024': { rssBytes: of1024 } }).cases
  return cases(...all, figures('list', { sqlite: {}, 'lists of 1,000': { rssBytes: ofLists } }))
}
const lists = (rate: number, ofThousand: number): Measured =>
  cases(figures('list', { sqlite: { rate }, 'return=minimal': { rate }, 'lists of 1,000': { rate: ofThousand } }))
const starts = (slowest: number): Measured =>
  cases(
    figures('starts', {
      'bare start 1': { rate: 300 },
      'start 1': { rate: 99 },
      'bare start 2': { rate: 150 },
      'start 2': { rate: slowest },
      'start 3': { rate: 100 },
    }),
  )
const reads = (byId: number, pages: number): Measured =>
  cases(figures('reads', { liveness: { rate: 20_000 }, 'by id': { rate: byId }, 'pages of 50': { rate: pages } }))

checkEdges([
  [/0\.5 of the bare/, beside('single', { rate: 50 }), beside('single', { rate: 49.9 })],
  [/p99 at most 25/, beside('single', { p99Ms: 25 }), beside('single', { p99Ms: 25.1 })],
  [/256 connections: at least/, connections({}), connections({ 'over 256': { rate: 99 } })],
  [/1,024 connections: at least/, connections({}), connections({ 'over 1024': { rate: 89 } })],
  [/^8 starts/, starts(95), starts(94)],
  [/bytes written/, beside('single', { writtenBytesPerUnit: 2200 }), beside('single', { writtenBytesPerUnit: 2201 })],
  [/bytes kept/, beside('single', { keptBytesPerFormula: 600 }), beside('single', { keptBytesPerFormula: 601 })],
  [/up to 256 connections: RSS/, rss(512e6, 768e6, 768e6), rss(513e6, 768e6, 768e6)],
  [/or lists of 1,000: RSS/, rss(512e6, 768e6, 768e6), rss(512e6, 769e6, 768e6)],
  [/or lists of 1,000: RSS/, rss(512e6, 768e6, 768e6), rss(512e6, 768e6, 769e6)],
  [/^Lists of 100:/, lists(120_000, 120_000), lists(119_999, 120_000)],
  [/^The same with Prefer/, lists(120_000, 120_000), lists(119_999, 120_000)],
  [/^Lists of 1,000:/, lists(120_000, 120_000), lists(120_000, 119_999)],
  [/\/health\/live/, reads(16_000, 16_200), reads(15_999, 16_200)],
  [/^Pages/, reads(16_000, 16_200), reads(16_000, 16_199)],
  [/^Replays/, beside('replay', { rate: 70 }), beside('replay', { rate: 69.9 })],
  [/^Receive and ack by 100/, consuming(200), consuming(199)],
  [/^One connection/, beside('one-connection', { p50Ms: 2.5 }), beside('one-connection', { p50Ms: 2.6 })],
])

function million(told: Partial<Million>, getById = 1): Partial<Measured> {
  const calls = { getById: 1, firstPage: 1, receive: 1, ack: 1 }
  const blank = { formulas: 1e6, rates: ratesAt(70), startMs: { afterStop: 1, afterKill: 1 } }
  return { million: { ...blank, calls: { empty: calls, filled: { ...calls, getById } }, ...told } }
}

const ratesAt = (filled: number, rssBytes = 1, name = 'single') => [
  { name, title: 'One', unit: 'formulas', empty: 100, filled, rssBytes },
]

checkEdges([
  [/0\.7 of the rate when empty/, million({}), million({ rates: ratesAt(69) })],
  [/^Single formulas at/, million({ rates: ratesAt(70, 512e6) }), million({ rates: ratesAt(70, 513e6) })],
  [
    /^All loads at/,
    million({ rates: [...ratesAt(70), ...ratesAt(70, 768e6, 'list')] }),
    million({ rates: [...ratesAt(70), ...ratesAt(70, 769e6, 'list')] }),
  ],
  [
    /after a stop/,
    million({ startMs: { afterStop: 2000, afterKill: 1 } }),
    million({ startMs: { afterStop: 2001, afterKill: 1 } }),
  ],
  [
    /after kill -9/,
    million({ startMs: { afterStop: 1, afterKill: 2000 } }),
    million({ startMs: { afterStop: 1, afterKill: 2001 } }),
  ],
  [/^A formula by its id/, million({}, 1.3), million({}, 1.31)],
])

const endurance = (told: Partial<Endurance>): Partial<Measured> => ({
  endurance: { seconds: 600, mostRssBytes: 1, growth: 1, ...told },
})

const sweep = (expiring: number, fileBytes = [1, 100, 100]): Partial<Measured> => ({
  sweep: { expiring, lasting: 1, fileBytes },
})

const level = (connections: number, accepted: number, probed: Partial<Level['probed']> = {}): Level => {
  const blank = { accepted: { count: 9, p50Ms: 1, p99Ms: 1 }, shed: 9, otherwise: 0 }
  return { connections, offered: accepted, accepted, refused: 0, probed: { ...blank, ...probed } }
}
const refusing = (connections: number): Level => ({ ...level(connections, 70), refused: 1 })
const spread = (mean: number): Spread => ({ mean, least: mean, most: mean })

const overload = (last: Level, afterwards = 100, restarted = 100): Partial<Measured> => ({
  overload: { levels: [level(64, 100), last], recovered: level(64, afterwards), restarted: level(64, restarted) },
})

const accepted = (count: number, p99Ms: number) => ({ accepted: { count, p50Ms: 1, p99Ms } })

checkEdges([
  [/^Metrics and log lines/, { observed: spread(0.97) }, { observed: spread(0.969) }],
  [/^Four subscriptions/, { subscriptions: spread(0.97) }, { subscriptions: spread(0.969) }],
  [/load: at most 512 MB/, endurance({ mostRssBytes: 512e6 }), endurance({ mostRssBytes: 513e6 })],
  [/last minute/, endurance({ growth: 1.1 }), endurance({ growth: 1.11 })],
  [/worst second/, sweep(0.8), sweep(0.79)],
  [/rounds of keys/, sweep(1, [1, 100, 110]), sweep(1, [1, 100, 111])],
  [/no refusal/, overload(refusing(2048)), overload(refusing(2047))],
  [/rate of 64/, overload(level(4096, 70)), overload(level(4096, 69))],
  [/p99 of the accepted/, overload(level(4096, 70, accepted(1, 999))), overload(level(4096, 70, accepted(1, 1000)))],
  [/p99 of the accepted/, overload(level(4096, 70)), overload(level(4096, 70, accepted(0, 0)))],
  [/the others get 503/, overload(level(4096, 70)), overload(level(4096, 70, { otherwise: 1 }))],
  [/the others get 503/, overload(level(4096, 70)), overload(level(4096, 70, { shed: 0 }))],
  [/0\.9 of before/, overload(level(4096, 70), 90), overload(level(4096, 70), 89)],
  [/0\.9 of a new process/, overload(level(4096, 70), 100, 111), overload(level(4096, 70), 100, 112)],
])

/** Figures that just reach every goal. */
function onPostgres(rates: { ours?: number; consumed?: number; filled?: number; open?: number } = {}) {
  const { ours = 8000, consumed = 200, filled = 70, open = 70 } = rates
  const server = { cpuUsPerUnit: 1, walBytesPerUnit: 1, unitsPerCommit: 1, syncMs: 1 }
  const intake = { postgres: ours, 'transaction-a-request': 2000, 'pg-boss': 1000 }
  const postgres: PostgresFigures = {
    intake: Object.entries(intake).map(([contender, rate]) => ({ ...BLANK, contender, rate, server })),
    consumption: Object.entries({ postgres: consumed, 'pg-boss': 100 }).map(([contender, rate]) => ({
      contender,
      rate,
    })),
    backlog: { formulas: 1e6, rates: ratesAt(filled) },
    openTransaction: { none: 100, open },
  }
  return judge({ cases: [], postgres }).map((goal) => goal.holds)
}

test('goals on PostgreSQL hold at their edges, and not beyond', async (t) => {
  t.same(onPostgres(), [true, true, true, true, true])
  t.same(onPostgres({ ours: 7999 }), [false, false, true, true, true])
  t.same(onPostgres({ consumed: 199 }), [true, true, false, true, true])
  t.same(onPostgres({ filled: 69 }), [true, true, true, false, true])
  t.same(onPostgres({ open: 69 }), [true, true, true, true, false])
})

test('a goal that was not measured is not judged', async (t) => {
  t.same(judge({ cases: [] }), [])
  t.same(judge(cases(figures('replay', { sqlite: {} }))), [])
})

test('growth compares the last minute with the second, not with the first', async (t) => {
  const samples = Array.from({ length: 120 }, (_, i) => ({ atSeconds: i * 5, rssBytes: i < 12 ? 10 : 200 + i }))
  t.equal(growth(samples, 600), 313.5 / 218)
})

test('cases are shown with their share of the first contender, and what was not measured as a dash', async (t) => {
  const sqlite = { rate: 50, writtenBytesPerUnit: Number.NaN, keptBytesPerFormula: 1234 }
  const table = casesTable([figures('single', { bare: { rate: 100 }, sqlite })])
  t.match(table, /^\| +\| sqlite +\| 50 formulas\/s +\| 0\.50 .* – +\| 1,234 +\|$/m)
})

test('the table of goals takes the place of the one before, and of nothing else', async (t) => {
  const table = goalsTable(judge(beside('replay', { rate: 50 })))
  t.match(table, /^\| Goal +\| Figure +\| Holds\? +\|\n\|[ -|]+\|\n\| Replays: .+ \| 0\.50 +\| does not hold \|$/)
  const page = 'before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n'
  t.equal(
    withFigures('performance.md', page, 'new'),
    'before\n<!-- figures: begin -->\n\nnew\n\n<!-- figures: end -->\nafter\n',
  )
  t.throws(() => withFigures('performance.md', 'no place', 'new'), /has no place/)
})
