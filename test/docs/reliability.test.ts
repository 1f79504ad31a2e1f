import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { figures } from '../faults/figures.ts'
import { root, table } from '../support/docs/pages.ts'

const PAGE = 'docs/reliability.md'

test('each failure in docs/reliability.md is shown by a test of that name, in that file or for it beside it', async (t) => {
  const files = globSync('test/**/*.ts', { cwd: root })
  const rows = table(PAGE, ['When', 'Then', 'Shown by'])
  t.ok(rows.length >= 10)
  for (const [when, , shownBy = ''] of rows) {
    const [, name = '', file = ''] = /^"(.+)", (\S+)$/.exec(shownBy) ?? []
    const folders = files.filter((path) => path.endsWith(`/${file}`)).map((path) => dirname(path))
    const beside = files.filter((path) => folders.includes(dirname(path)))
    const isThere = beside.some((path) => readFileSync(join(root, path), 'utf8').includes(name))
    t.ok(name !== '' && isThere, `${when}: ${shownBy}`)
  }
})

test('the figures of docs/reliability.md are those of the long run, reach their goals and tell of no violation', async (t) => {
  const published = table(PAGE, ['What was done', 'Goal', 'Done', 'Violations'])
  const expected = Object.values(figures)
  t.same(
    published.map(([what, goal]) => ({ what, goal: toNumber(goal) })),
    expected.map(({ counts, goal }) => ({ what: counts.replaceAll('`', ''), goal })),
  )
  for (const [what, goal, done, violations] of published) {
    t.ok(toNumber(done) >= toNumber(goal), `${what}: ${done} of ${goal}`)
    t.match(violations, /^(0|all caught)$/)
  }
})

/** A number as a table shows it, with commas. */
const toNumber = (cell = ''): number => Number(cell.replaceAll(',', ''))
