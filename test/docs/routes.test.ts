import { type Test, test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { pages, readPage, table } from './pages.ts'
import { isPartOfPage } from './part-of-page.ts'

/** Every route of the app; HEAD comes with GET. */
async function routesOf(t: Test): Promise<string[]> {
  const app = buildApp(readConfig({ DATABASE_URL: 'memory:' }))
  const routes: string[] = []
  app.addHook('onRoute', (route) => {
    if (isPartOfPage(route)) return
    const { method, url } = route
    for (const each of [method].flat()) if (each !== 'HEAD') routes.push(`${each} ${url}`)
  })
  t.teardown(() => app.close())
  await app.ready()
  return routes.sort()
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
