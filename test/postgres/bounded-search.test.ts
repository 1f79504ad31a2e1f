import pg from 'pg'
import t from 'tap'
import { Database } from '../../src/stores/postgres/database.ts'
import { formulaReads } from '../../src/stores/postgres/formula-list.ts'
import { formulas, listed, namesIn, readPage, store, submission } from '../contract/submissions.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { query, startPostgres } from '../support/postgres/server.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

/** Adds formulas of one name, newer than those that are there. */
const add = (url: string, name: string, count: number): Promise<unknown> =>
  query(
    url,
    `INSERT INTO formula_intake.formulas (fingerprint, seq, search, document)
     SELECT sha256(convert_to(seq::text, 'UTF8')), seq, $1, json_build_object('id', seq, 'name', $1::text)
     FROM (SELECT nextval('formula_intake.acceptance') AS seq FROM generate_series(1, $2)) AS new`,
    [name, count],
  )

t.test('a search with many matches reads a bounded number of rows per page, and its pages skip none', async (t) => {
  const url = await server.createDatabase()
  const { db } = await openEngine(t, url)
  await add(url, 'rose', 10_001)
  await add(url, 'iris', 15_000)
  const pages = []
  for (let before: number | null = Number.MAX_SAFE_INTEGER; before !== null; ) {
    const { items, next } = await listed(db, { limit: 200, before, searchPrefix: 'ro' })
    pages.push(items)
    before = next
  }
  t.same(pages[0], [], 'the rows read for the first page do not match')
  t.equal(pages[1]?.length, 200)
  t.same(new Set(namesIn(pages.flat())), new Set(['rose']))
  t.equal(new Set(pages.flat().map(({ id }) => id)).size, 10_001)
})

t.test('a search with few matches is answered in one page, however old they are', async (t) => {
  const url = await server.createDatabase()
  const { db } = await openEngine(t, url)
  await add(url, 'rose', 150)
  await add(url, 'iris', 25_000)
  t.equal((await listed(db, { limit: 200, searchPrefix: 'ro' })).items.length, 150)
  const { items, next } = await listed(db, { limit: 100, searchPrefix: 'ro' })
  t.equal(items.length, 100)
  t.equal((await listed(db, { limit: 100, searchPrefix: 'ro', before: next as number })).next, null)
})

t.test('a page with a filter ends when its time is over, and the next goes on there', async (t) => {
  const url = await server.createDatabase()
  const { db } = await openEngine(t, url)
  for (const one of formulas('Rose', 'Iris', 'Iris 2')) await store(db, submission([one]))
  const database = new Database(url)
  t.teardown(() => database.close())
  let now = 0
  const { list } = formulaReads(database, () => (now += 300))
  const filter = { words: ['rose'] }
  const first = readPage(await list({ limit: 10, filter }))
  t.same(first.items, [])
  const second = readPage(await list({ limit: 10, filter, before: first.next as number }))
  t.same(namesIn(second.items), ['Rose'])
  t.equal(second.next, null)
})

t.test('between the longest formulas that a filter tests, the process does something else', async (t) => {
  const url = await server.createDatabase()
  await openEngine(t, url)
  await add(url, 'Rose', 6)
  await query(url, `UPDATE formula_intake.formulas SET document = json_build_object('name', repeat('x', 300000))`)
  const database = new Database(url)
  t.teardown(() => database.close())
  let turn = 0
  let running = true
  const count = (): unknown => ++turn && running && setImmediate(count)
  count()
  const turns = new Set<number>()
  const { list } = formulaReads(database, () => turns.add(turn).size)
  await list({ limit: 10, filter: { submittedBy: 'nobody' } })
  running = false
  t.ok(turns.size >= 6, `${turns.size} turns of the event loop`)
})

t.test('a search that takes too long is cancelled by the server', async (t) => {
  const url = await server.createDatabase()
  const { db } = await openEngine(t, url)
  const blocking = new pg.Client({ connectionString: url })
  await blocking.connect()
  t.teardown(() => blocking.end())
  await blocking.query('BEGIN; LOCK TABLE formula_intake.formulas')
  const search = listed(db, { limit: 1, searchPrefix: 'ro' })
  await t.rejects(search, { name: 'StoreUnavailable', message: /statement timeout/ })
})
