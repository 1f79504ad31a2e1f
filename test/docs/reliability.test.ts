import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
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
