import { test } from 'tap'
import type { Endurance } from '../../bench/endurance.ts'
import { growth } from '../../bench/endurance.ts'
import { judge } from '../../bench/goals.ts'
import type { Million } from '../../bench/million.ts'
import type { Level } from '../../bench/overload.ts'
import { goalsTable } from '../../bench/print.ts'
import type { CaseFigures, Measured } from '../../bench/record.ts'
import type { Sweep } from '../../bench/sweep.ts'
import { withFigures } from '../../docs/figures.ts'

type Told = Partial<CaseFigures['figures'][number]>

/** A case in which contenders came to this. */
function figures(name: string, told: Record<string, Told>): CaseFigures {
  const blank = { rate: 1, p50Ms: 1, p99Ms: 1, cpuUsPerUnit: 1, rssBytes: 1 }
  const all = Object.entries(told).map(([contender, figure]) => ({ ...blank, ...figure, contender }))
  return { name, title: name, unit: 'requests', figures: all }
}

/** Whether the goals whose texts match hold; each must match one. */
function holds(measured: Partial<Measured>, pattern: RegExp): boolean {
  const found = judge({ cases: [], ...measured }).filter(({ goal }) => pattern.test(goal))
  if (found.length !== 1) throw new Error(`${found.length} goals match ${pattern}`)
  return found[0]?.holds as boolean
}

/** A case of a goal: figures that just reach it, and figures that just miss it. */
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
const beside = (name: string, sqlite: Told): Measured => cases(figures(name, { bare: { rate: 100, p50Ms: 1 }, sqlite }))
const consuming = (rate: number): Partial<Measured> =>
  cases(figures('single', { sqlite: { rate: 100 } }), figures('consume-100', { sqlite: { rate } }))

checkEdges([
  [/0\.5 of the bare/, beside('single', { rate: 50 }), beside('single', { rate: 49.9 })],
  [/p99 below 25/, beside('single', { p99Ms: 24.9 }), beside('single', { p99Ms: 25 })],
  [/^Lists/, cases(figures('list', { sqlite: { rate: 1e5 } })), cases(figures('list', { sqlite: { rate: 99_999 } }))],
  [/^Replays/, beside('replay', { rate: 70 }), beside('replay', { rate: 69.9 })],
  [/^Receive and ack by 100/, consuming(200), consuming(199)],
  [/^One connection/, beside('one-connection', { p50Ms: 2.4 }), beside('one-connection', { p50Ms: 2.5 })],
])

const timing = (p50Ms: number) => ({ p50Ms, p99Ms: 9 })

function million(told: Partial<Million>, getById = 1): Partial<Measured> {
  const calls = { getById: timing(1), firstPage: timing(1), receive: timing(1), ack: timing(1) }
  const rates = [{ name: 'single', title: 'One', unit: 'requests', empty: 100, filled: 70, rssBytes: 1 }]
  const blank = { formulas: 1e6, rates, rssBytes: 1, startMs: { afterStop: 1, afterKill: 1 } }
  return { million: { ...blank, calls: { empty: calls, filled: { ...calls, getById: timing(getById) } }, ...told } }
}

const slower = [{ name: 'single', title: 'One', unit: 'requests', empty: 100, filled: 69, rssBytes: 1 }]

checkEdges([
  [/0\.7 of the rate when empty/, million({}), million({ rates: slower })],
  [/^RSS at 1,000,000/, million({ rssBytes: 299e6 }), million({ rssBytes: 300e6 })],
  [
    /after a stop/,
    million({ startMs: { afterStop: 1999, afterKill: 1 } }),
    million({ startMs: { afterStop: 2000, afterKill: 1 } }),
  ],
  [
    /after kill -9/,
    million({ startMs: { afterStop: 1, afterKill: 1999 } }),
    million({ startMs: { afterStop: 1, afterKill: 2000 } }),
  ],
  [/^A formula by its id/, million({}, 1.3), million({}, 1.31)],
])

const endurance = (told: Partial<Endurance>): Partial<Measured> => ({
  endurance: { seconds: 600, intakePerSecond: 1, ackedPerSecond: 1, samples: [], mostRssBytes: 1, growth: 1, ...told },
})

const sweep = (dip: number, fileBytes = [1, 100, 100]): Partial<Measured> => {
  const expiring: Sweep['expiring'] = { rates: [], dip, answers: 1, left: 0 }
  return { sweep: { expiring, lasting: { rates: [], dip: 1 }, fileBytes } }
}

const level = (connections: number, accepted: number, probed: Partial<Level['probed']> = {}): Level => {
  const blank = { accepted: { count: 9, ...timing(1) }, shed: { count: 9, ...timing(1) }, otherwise: 0 }
  const [offered, failed] = [accepted, 0]
  return { connections, offered, accepted, failed, ...timing(1), probed: { ...blank, ...probed } }
}

const overload = (last: Level, afterwards = 100): Partial<Measured> => ({
  overload: { levels: [level(64, 100), last], recovered: level(64, afterwards) },
})

const accepted = (count: number, p99Ms: number) => ({ accepted: { count, p50Ms: 1, p99Ms } })

checkEdges([
  [/load: below 300 MB/, endurance({ mostRssBytes: 299e6 }), endurance({ mostRssBytes: 300e6 })],
  [/last minute/, endurance({ growth: 1.09 }), endurance({ growth: 1.1 })],
  [/worst second/, sweep(0.8), sweep(0.79)],
  [/rounds of keys/, sweep(1, [1, 100, 109]), sweep(1, [1, 100, 110])],
  [/what 64 get in/, overload(level(4096, 70)), overload(level(4096, 69))],
  [/p99 of the accepted/, overload(level(4096, 70, accepted(1, 999))), overload(level(4096, 70, accepted(1, 1000)))],
  [/p99 of the accepted/, overload(level(4096, 70)), overload(level(4096, 70, accepted(0, 0)))],
  [/the others get 503/, overload(level(4096, 70)), overload(level(4096, 70, { otherwise: 1 }))],
  [/the others get 503/, overload(level(4096, 70)), overload(level(4096, 70, { shed: { count: 0, ...timing(0) } }))],
  [/afterwards/, overload(level(4096, 70), 90), overload(level(4096, 70), 89)],
])

test('a goal that was not measured is not judged', async (t) => {
  t.same(judge({ cases: [] }), [])
  t.same(judge(cases(figures('single', { sqlite: {} }))), [])
})

test('growth compares the last minute with the second, not with the first', async (t) => {
  const samples = Array.from({ length: 120 }, (_, i) => ({ atSeconds: i * 5, rssBytes: i < 12 ? 10 : 200 + i }))
  t.equal(growth(samples, 600), 313.5 / 218)
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
