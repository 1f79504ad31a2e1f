import { type Test, test } from 'tap'
import { pages, readPage, table } from '../support/docs/pages.ts'
import { isPartOfPage } from '../support/docs/part-of-page.ts'
import { everyRoute } from '../support/http/routes.ts'

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
