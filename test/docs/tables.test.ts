import { type Test, test } from 'tap'
import { SCOPES, type Scope } from '../../src/access/api-key.ts'
import { readKeyFile } from '../../src/access/key-file.ts'
import { variables } from '../../src/config/config.ts'
import type { Variable } from '../../src/config/variable.ts'
import { catalogue, RECEIPT_STALE } from '../../src/errors/catalogue.ts'
import { pages, readPage, table } from '../support/docs/pages.ts'
import { isPartOfPage } from '../support/docs/part-of-page.ts'
import { everyRoute } from '../support/http/routes.ts'

test('docs/configuration.md says of each variable what src/config/config.ts says', async (t) => {
  const expected = Object.entries<Variable<unknown>>(variables).map(([name, variable]) => [
    name,
    variable.default ?? 'unset',
    variable.expected,
    variable.description,
  ])
  t.same(table('docs/configuration.md', ['Variable', 'Default', 'Value', 'Meaning']), expected)
})

test('every variable that a page gives a value exists', async (t) => {
  for (const page of pages) {
    const named = [...readPage(page).matchAll(/`([A-Z]+(?:_[A-Z]+)*)=/g)].map(([, name]) => name as string)
    t.same(
      named.filter((name) => !Object.hasOwn(variables, name)),
      [],
      page,
    )
  }
})

test('docs/errors.md lists the codes of the catalogue, with status and text, in its order', async (t) => {
  const rows = table('docs/errors.md', ['Code', 'Status', 'Text', 'When', 'What to do'])
  const documented = rows.map(([code, status, text]) => [code, Number(status), text])
  t.same(
    documented,
    Object.entries(catalogue).map(([code, { status, message }]) => [code, status, message]),
  )
  for (const [code, , , when, remedy] of rows) t.ok(when && remedy, `${code} tells when it occurs and what to do`)
})

test('docs/errors.md names no code that does not exist', async (t) => {
  const known = new Set([
    ...Object.keys(catalogue),
    RECEIPT_STALE,
    'ALLOWED_HOSTS',
    'BODY_LIMIT_BYTES',
    'IDEMPOTENCY_WAIT_MS',
  ])
  const named: string[] = readPage('docs/errors.md').match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? []
  t.same(
    named.filter((code) => !known.has(code)),
    [],
  )
  t.ok(named.includes(RECEIPT_STALE))
})

test('the example of an error in docs/errors.md has texts of the catalogue', async (t) => {
  const example = JSON.parse(/```json\n(.*?)```/s.exec(readPage('docs/errors.md'))?.[1] ?? '')
  for (const { code, message } of [example, ...example.details]) {
    t.equal(catalogue[code as keyof typeof catalogue].message, message)
  }
})

/** Every route of the app; HEAD comes with GET. */
async function routesOf(t: Test): Promise<string[]> {
  const listed = (await everyRoute(t)).filter((route) => !isPartOfPage(route))
  const all = listed.flatMap(({ method, url }) => [method].flat().map((each) => `${each} ${url}`))
  return all.filter((route) => !route.startsWith('HEAD ')).sort()
}

test('docs/http.md lists every route of the app, and no other', async (t) => {
  const listed = table('docs/http.md', ['Route', 'What it does']).map(([route]) => route as string)
  t.same(listed.sort(), await routesOf(t))
})

test('every route that a page names exists', async (t) => {
  const routes = await routesOf(t)
  for (const page of pages) {
    const named = [...readPage(page).matchAll(/`((?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \/[^\s`?]*)/g)]
    t.same(
      named.map(([, route]) => route as string).filter((route) => !routes.includes(route)),
      [],
      page,
    )
  }
})

/** The routes under each scope that they ask for; public ones under `none`. */
async function routesByScope(t: Test): Promise<Record<string, string[]>> {
  const routes: Record<Scope | 'none', string[]> = { submit: [], read: [], consume: [], admin: [], none: [] }
  for (const route of await everyRoute(t)) {
    const { method, url, config } = route
    if (method === 'HEAD' || isPartOfPage(route)) continue
    const { scope = 'admin', alsoScope = [] } = config ?? {}
    const asked = config?.public ? (['none'] as const) : [scope, alsoScope].flat()
    for (const each of asked) routes[each].push(`${method} ${url}`)
  }
  return routes
}

test('docs/access.md lists the routes of each scope as they are declared', async (t) => {
  const rows = table('docs/access.md', ['Scope', 'Routes it opens'])
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
  const example = /```json\n(\{\n.*?)```/s.exec(readPage('docs/access.md'))?.[1] ?? ''
  const folder = t.testdir({ 'keys.json': example })
  t.match(readKeyFile(`${folder}/keys.json`).keys, [{ name: 'lab' }])
})
