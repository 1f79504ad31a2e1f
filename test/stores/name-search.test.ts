import { join } from 'node:path'
import { type Test, test } from 'tap'
import { systemClock } from '../../src/kit/clock.ts'
import { openSqlite } from '../../src/stores/sqlite/engine.ts'
import { DAY_MS } from '../contract/open-stores.ts'
import { formula, listed, namesIn, submission } from '../contract/submissions.ts'
import { scratch } from '../faults/stores.ts'
import { until } from '../support/until.ts'

/** A file with `howMany` roses, and one violet after the first `violetBehind` of them. */
async function openGarden(t: Test, howMany: number, violetBehind: number) {
  const path = join(scratch(t), 'formulas.db')
  const stores = await openSqlite(path, { clock: systemClock, answerTtlMs: DAY_MS, maxReceives: 5 })
  t.teardown(() => stores.close())
  for (let first = 0; first < howMany; first += 1_000) {
    const roses = Array.from({ length: 1_000 }, (_, index) => formula(`Rose ${first + index}`, `${first + index + 1}`))
    await stores.intake?.accept(submission(roses))
    if (first + 1_000 === violetBehind) await stores.intake?.accept(submission([formula('Violet', '0.5')]))
  }
  return stores
}

test('a search with many matches reads a bounded number of rows per page, and its pages skip none', async (t) => {
  const { db, intake } = await openGarden(t, 12_000, 12_000)
  const violets = Array.from({ length: 20_000 }, (_, index) => formula(`Violet ${index}`, `${1_000_000 + index}`))
  for (let at = 0; at < violets.length; at += 1_000) await intake?.accept(submission(violets.slice(at, at + 1_000)))
  // Until the index has most roses they are found without it.
  await until(async () => (await listed(db, { limit: 200, searchPrefix: 'rose' })).items.length === 0)
  const found = new Set<string>()
  const sizes: number[] = []
  let before: number | null = Number.MAX_SAFE_INTEGER
  while (before !== null) {
    const { items, next } = await listed(db, { limit: 200, searchPrefix: 'rose', before })
    sizes.push(items.length)
    for (const name of namesIn(items)) found.add(name)
    before = next
  }
  t.equal(sizes[0], 0, 'the first page walked 20,000 violets and found no rose')
  t.equal(found.size, 12_000)
})

test('a search with few matches is answered in one page, however old they are', async (t) => {
  const { db } = await openGarden(t, 30_000, 1_000)
  const { items, next } = await listed(db, { limit: 200, searchPrefix: 'vio' })
  t.same([namesIn(items), next], [['Violet'], null])
})
