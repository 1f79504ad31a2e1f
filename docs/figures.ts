import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// A run writes its own figures into a page of docs.

const [BEGIN, END] = ['<!-- figures: begin -->', '<!-- figures: end -->']

/** Replaces the figures in a page of this folder. */
export function publish(page: string, text: string): void {
  const path = join(import.meta.dirname, page)
  writeFileSync(path, withFigures(page, readFileSync(path, 'utf8'), text))
}

/**
 * Replaces what stands between the two marks.
 * @param name the page, for the error
 * @throws {Error} when the page has no marks
 */
export function withFigures(name: string, page: string, text: string): string {
  const [before, rest = ''] = page.split(BEGIN, 2)
  const [, after] = rest.split(END, 2)
  if (after === undefined) throw new Error(`docs/${name} has no place for the figures: ${BEGIN} … ${END}`)
  return `${before}${BEGIN}\n\n${text}\n\n${END}${after}`
}

/** A Markdown table with aligned columns, readable on a terminal too. */
export function markdownTable(rows: [head: string[], ...string[][]]): string {
  const [head, ...body] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}
