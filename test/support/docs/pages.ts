import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../../..')

/** The pages that users read, as paths from the root. */
export const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).sort()

export const readPage = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The cells of a page's table that begins with these headings, without backticks. */
export function table(page: string, headings: string[]): string[][] {
  const lines = readPage(page).split('\n')
  const top = lines.findIndex((line) => line.startsWith('|') && cells(line).join() === headings.join())
  if (top < 0) throw new Error(`${page} has no table of ${headings.join(', ')}`)
  const rows = lines.slice(top + 2)
  const end = rows.findIndex((line) => !line.startsWith('|'))
  return rows.slice(0, end < 0 ? rows.length : end).map(cells)
}

const cells = (row: string): string[] =>
  row
    .slice(1, row.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim().replaceAll('`', ''))
