import { whole } from '../judged.ts'
import type { Overload } from '../overload.ts'
import type { Sweep } from '../sweep.ts'
import { dot, line, type Panel, path, text } from './svg.ts'

const [X, Y, WIDE, HIGH] = [90, 66, 780, 200]

interface Series {
  name: string
  /** The contender whose colour it has. */
  colour: string
  values: number[]
  /** Whether its points stand for themselves. */
  dots: boolean
}

/** Offered and accepted load as more and more clients press. */
export function overloadCurve({ levels }: Overload): Panel {
  return chart(
    'Overload: answers a second, and p99 of the accepted, by the number of clients',
    levels.map(({ connections, probed }) => {
      const p99 = probed.accepted.count === 0 ? '–' : `${Math.round(probed.accepted.p99Ms)} ms`
      return [`${connections} clients`, `p99 ${p99}`]
    }),
    [
      { name: 'answered', colour: 'bare', values: levels.map(({ offered }) => offered), dots: true },
      { name: 'accepted (200)', colour: 'sqlite', values: levels.map(({ accepted }) => accepted), dots: true },
    ],
  )
}

/** The rate of each second while keys expire and while none does. */
export function sweepCurve({ expiring, lasting }: Sweep): Panel {
  const seconds = Math.max(expiring.rates.length, lasting.rates.length)
  return chart(
    'Formulas taken in, second by second, while kept answers expire',
    Array.from({ length: seconds }, (_, second) => [second % 5 === 0 ? `${second + 1} s` : '']),
    [
      { name: 'none expires', colour: 'bare', values: lasting.rates, dots: false },
      { name: `${whole(expiring.answers)} expire`, colour: 'sqlite', values: expiring.rates, dots: false },
    ],
  )
}

function chart(title: string, labels: string[][], series: Series[]): Panel {
  const most = roundUp(Math.max(1, ...series.flatMap(({ values }) => values)))
  const x = (index: number): number => X + (WIDE * (index + 0.5)) / labels.length
  const y = (value: number): number => Y + HIGH - (value / most) * HIGH
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(share * most)
    return line(X, at, X + WIDE, at, 'grid') + text(X - 8, at + 4, whole(share * most), 'quiet end')
  })
  const names = labels.flatMap((lines, index) =>
    lines.map((label, row) => text(x(index), Y + HIGH + 20 + row * 16, label, 'quiet middle')),
  )
  const lines = series.map(({ values, colour, dots }) => {
    const points = values.map((value, index): [number, number] => [x(index), y(value)])
    return path(points, colour) + (dots ? points.map(([px, py]) => dot(px, py, colour)).join('') : '')
  })
  const key = series.map(({ name, colour }, index) => dot(X + 6 + index * 170, 38, colour) + keyText(index, name))
  return {
    content: [text(16, 14, title, 'title'), ...key, ...grid, ...names, ...lines].join('\n'),
    height: Y + HIGH + 44,
  }
}

const keyText = (index: number, name: string): string => text(X + 16 + index * 170, 42, name)

/** The next number whose quarters are short to write. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8].find((step) => step * power >= value) ?? 10) * power
}
