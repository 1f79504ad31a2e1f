import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// What a run has measured is written into its page by the run itself.

const [BEGIN, END] = ['<!-- figures: begin -->', '<!-- figures: end -->']

/** Puts figures in the place of those that a page of this folder has. */
export function publish(page: string, text: string): void {
  const path = join(import.meta.dirname, page)
  writeFileSync(path, withFigures(page, readFileSync(path, 'utf8'), text))
}

/**
 * @param name of the page
 * @throws {Error} when the page has no place for figures
 */
export function withFigures(name: string, page: string, text: string): string {
  const [before, rest = ''] = page.split(BEGIN, 2)
  const [, after] = rest.split(END, 2)
  if (after === undefined) throw new Error(`docs/${name} has no place for the figures: ${BEGIN} … ${END}`)
  return `${before}${BEGIN}\n\n${text}\n\n${END}${after}`
}

/** Rows as a table in Markdown, the first of them its head; as well to be read on a terminal. */
export function markdownTable(rows: [head: string[], ...string[][]]): string {
  const [head, ...body] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}
