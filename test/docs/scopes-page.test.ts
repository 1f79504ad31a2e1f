import { type Test, test } from 'tap'
import { SCOPES, type Scope } from '../../src/access/api-key.ts'
import { readKeyFile } from '../../src/access/key-file.ts'
import { readPage, table } from '../support/docs/pages.ts'
import { isPartOfPage } from '../support/docs/part-of-page.ts'
import { everyRoute } from '../support/http/routes.ts'

const PAGE = 'docs/access.md'

/** The routes under each scope that they ask for; public ones under `none`. */
async function routesByScope(t: Test): Promise<Record<string, string[]>> {
  const routes: Record<Scope | 'none', string[]> = { submit: [], read: [], consume: [], admin: [], none: [] }
  for (const route of await everyRoute(t)) {
    const { method, url, config } = route
    if (method === 'HEAD' || isPartOfPage(route)) continue
    const { scope = 'admin' } = config ?? {}
    const asked = config?.public ? (['none'] as const) : [scope].flat()
    for (const each of asked) routes[each].push(`${method} ${url}`)
  }
  return routes
}

test('docs/access.md lists the routes of each scope as they are declared', async (t) => {
  const rows = table(PAGE, ['Scope', 'Routes it opens'])
  t.same(
    rows.map(([scope]) => scope),
    [...SCOPES, 'none'],
  )
  const routes = await routesByScope(t)
  for (const [scope = '', cell = ''] of rows) {
    const listed = cell.replace('all, and alone: ', '').split(', ')
    t.same(listed.toSorted(), routes[scope]?.toSorted(), scope)
  }
})

test('the example of a file of keys is one', async (t) => {
  const example = /```json\n(\{\n.*?)```/s.exec(readPage(PAGE))?.[1] ?? ''
  const folder = t.testdir({ 'keys.json': example })
  t.match(readKeyFile(`${folder}/keys.json`).keys, [{ name: 'lab' }])
})
