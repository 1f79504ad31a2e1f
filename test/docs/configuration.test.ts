import { test } from 'tap'
import { variables } from '../../src/config/config.ts'
import type { Variable } from '../../src/config/variable.ts'
import { pages, readPage, table } from '../support/docs/pages.ts'

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
