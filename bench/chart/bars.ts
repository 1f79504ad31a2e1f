import { whole } from '../judged.ts'
import type { CaseFigures } from '../record.ts'
import type { Figure } from '../under.ts'
import { bar, LEFT, line, type Panel, RIGHT, text } from './svg.ts'

const [ROW, GAP, TOP] = [19, 34, 34]

/** Rates as shares of the bare route's, case by case. */
export function shareBars(cases: CaseFigures[]): Panel {
  const compared = cases.flatMap((each) => {
    const bare = each.figures.find(({ contender }) => contender === 'bare')
    return bare === undefined ? [] : [{ ...each, bare, others: each.figures.filter((figure) => figure !== bare) }]
  })
  const most = Math.max(1, ...compared.flatMap(({ bare, others }) => others.map(({ rate }) => rate / bare.rate)))
  const scale = (share: number): number => LEFT + (share / most) * (RIGHT - LEFT)
  let y = TOP
  const rows = compared.map(({ title, unit, bare, others }) => {
    const head = text(16, y + 13, title, 'head') + text(LEFT + 80, y + 13, bareRate(bare, unit), 'quiet')
    y += 22
    const bars = others.map((figure) => {
      const share = figure.rate / bare.rate
      y += ROW
      return row(y - ROW, figure, scale(share), `${share.toFixed(2)} · ${whole(figure.rate)}/s`)
    })
    y += GAP - 22
    return [head, ...bars].join('\n')
  })
  const one = line(scale(1), TOP + 20, scale(1), y - 8, 'mark')
  const title = text(16, 14, 'Rate as a share of the bare Fastify route (dashed: as fast)', 'title')
  return { content: [title, one, ...rows].join('\n'), height: y }
}

const bareRate = ({ rate }: Figure, unit: string): string => `bare route: ${whole(rate)} ${unit}/s`

/** Rates of what the bare route cannot do. */
export function rateBars(cases: CaseFigures[]): Panel {
  const alone = cases.filter(({ figures }) => figures.every(({ contender }) => contender !== 'bare'))
  const most = Math.max(...alone.flatMap(({ figures }) => figures.map(({ rate }) => rate)))
  let y = TOP
  const rows = alone.map(({ title, unit, figures }) => {
    const head = text(16, y + 13, title, 'head')
    y += 22
    const bars = figures.map((figure) => {
      y += ROW
      const end = LEFT + (figure.rate / most) * (RIGHT - LEFT)
      return row(y - ROW, figure, end, `${whole(figure.rate)} ${unit}/s`)
    })
    y += GAP - 22
    return [head, ...bars].join('\n')
  })
  return { content: [text(16, 14, 'Events handed out and acknowledged', 'title'), ...rows].join('\n'), height: y }
}

function row(y: number, { contender }: Figure, end: number, label: string): string {
  return [
    text(LEFT - 10, y + 13, contender, 'quiet end'),
    bar(LEFT, y + 2, Math.max(1, end - LEFT), ROW - 5, contender),
    text(end + 8, y + 13, label),
  ].join('\n')
}
