import type { CaseFigures } from '../record.ts'
import { dot, LEFT, line, type Panel, RIGHT, text } from './svg.ts'

const [ROW, GAP, TOP] = [19, 12, 62]

/** p50 and p99 of each contender in each case, on a logarithmic scale. */
export function latencies(cases: CaseFigures[]): Panel {
  const all = cases.flatMap(({ figures }) => figures.flatMap(({ p50Ms, p99Ms }) => [p50Ms, p99Ms]))
  const from = Math.floor(Math.log10(Math.max(0.01, Math.min(...all))))
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...all))))
  const scale = (ms: number): number =>
    LEFT + ((Math.log10(Math.max(ms, 10 ** from)) - from) / (to - from)) * (RIGHT - LEFT)
  let y = TOP
  const rows = cases.map(({ title, figures }) => {
    const head = text(16, y + 13, title, 'head')
    y += 22
    const ranges = figures.map(({ contender, p50Ms, p99Ms }) => {
      y += ROW
      return range(y - ROW / 2, contender, scale(p50Ms), scale(p99Ms), `${inMs(p50Ms)} · ${inMs(p99Ms)} ms`)
    })
    y += GAP
    return [head, ...ranges].join('\n')
  })
  const decades = Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index))
  const grid = decades.map((ms) => line(scale(ms), TOP, scale(ms), y - 8, 'grid') + tick(scale(ms), ms))
  const title = text(16, 14, 'Latency: median (filled) and 99th percentile (hollow), logarithmic', 'title')
  return { content: [title, ...grid, ...rows].join('\n'), height: y }
}

const tick = (x: number, ms: number): string => text(x, TOP - 10, `${ms} ms`, 'quiet middle')

const inMs = (ms: number): string => (ms < 10 ? ms.toFixed(2) : ms.toFixed(0))

function range(y: number, contender: string, p50: number, p99: number, label: string): string {
  return [
    text(LEFT - 10, y + 4, contender, 'quiet end'),
    line(p50, y, p99, y, `range ${contender}`),
    dot(p50, y, contender),
    dot(p99, y, `${contender} hollow`),
    text(RIGHT + 20, y + 4, label),
  ].join('\n')
}
