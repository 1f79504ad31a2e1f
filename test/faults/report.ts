import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Figure, type FigureLine, figures } from './figures.ts'

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'reliability.md')
const [BEGIN, END] = ['<!-- figures: begin -->', '<!-- figures: end -->']

/** What a long run came to. */
export interface Run {
  counted: Map<Figure, number>
  seed: number
  seconds: number
  /** The day it ended, as YYYY-MM-DD. */
  day: string
}

/** Adds up the record of a run. */
export function addUp(record: string): Map<Figure, number> {
  const counted = new Map<Figure, number>()
  for (const line of record.split('\n').filter((text) => text !== '')) {
    const { figure, by } = JSON.parse(line) as FigureLine
    counted.set(figure, (counted.get(figure) ?? 0) + by)
  }
  return counted
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
  const cells = [['What was done', 'Goal', 'Done', 'Violations'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  const line = (row: string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [head = [], ...body] = cells
  const rule = line(widths.map((width) => '-'.repeat(width)))
  const caption = `Run of ${day}, seed ${seed}, Node ${process.version}, ${Math.round(seconds / 60)} minutes.`
  return `${[line(head), rule, ...body.map(line)].join('\n')}\n\n${caption}`
}

const number = (value: number): string => value.toLocaleString('en-US')

/** Puts a table in the place of the one that docs/reliability.md has. */
export function publish(text: string): void {
  const page = readFileSync(PAGE, 'utf8')
  const [before, rest = ''] = page.split(BEGIN, 2)
  const [, after] = rest.split(END, 2)
  if (after === undefined) throw new Error(`docs/reliability.md has no place for the figures: ${BEGIN} … ${END}`)
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${text}\n\n${END}${after}`)
}
