import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { figures } from '../faults/figures.ts'
import { root, table } from './pages.ts'

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

test('the figures in docs/reliability.md are those the long run counts, reached and without a violation', async (t) => {
  const rows = table(PAGE, ['What was done', 'Goal', 'Done', 'Violations'])
  const number = (text = ''): number => Number(text.replaceAll(',', ''))
  t.same(
    rows.map(([counts, goal]) => [counts, number(goal)]),
    Object.values(figures).map(({ counts, goal }) => [counts.replaceAll('`', ''), goal]),
  )
  for (const [counts, goal, done, violations] of rows) {
    t.ok(number(done) >= number(goal), `${counts}: ${done}`)
    t.ok(violations === '0' || violations === 'all caught', `${counts}: ${violations}`)
  }
})
