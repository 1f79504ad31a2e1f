import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PAGE = join(import.meta.dirname, '..', 'docs', 'performance.md')
const [BEGIN, END] = ['<!-- figures: begin -->', '<!-- figures: end -->']

/** Puts figures in the place of those that docs/performance.md has. */
export function publish(text: string): void {
  writeFileSync(PAGE, withFigures(readFileSync(PAGE, 'utf8'), text))
}

/** @throws {Error} when the page has no place for figures */
export function withFigures(page: string, text: string): string {
  const [before, rest = ''] = page.split(BEGIN, 2)
  const [, after] = rest.split(END, 2)
  if (after === undefined) throw new Error(`docs/performance.md has no place for the figures: ${BEGIN} … ${END}`)
  return `${before}${BEGIN}\n\n${text}\n\n${END}${after}`
}
