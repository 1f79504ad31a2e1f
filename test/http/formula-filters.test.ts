import { join } from 'node:path'
import { test } from 'tap'
import { DAY_MS } from '../contract/open-stores.ts'
import { startGuarded } from '../support/http/keys.ts'
import { type Client, errorOf, formula, formulasOf, startService } from '../support/http/service.ts'
import { openInProcess } from '../support/sqlite-in-process.ts'
import { TestClock } from '../support/test-clock.ts'
import { memoryStores } from './fixtures.ts'

const query = (fields: Record<string, string>): string => `/formulas?${new URLSearchParams(fields)}`

const namesOf = async ({ get }: Pick<Client, 'get'>, fields: Record<string, string>) =>
  formulasOf(await get(query(fields))).map(({ name }) => name)

test('formulas are found by words, by a material, and by both with a prefix of the name', async (t) => {
  const service = await startService(t)
  await service.submit([formula(1, 'Rose Garden'), formula(2, 'Fougère'), formula(3, 'Straße')])
  const more = { name: 'Rose', materials: [{ name: 'Geraniol', concentration: 1 }] }
  await service.submit(more)
  t.same(await namesOf(service, { q: 'garden' }), ['Rose Garden'])
  t.same(await namesOf(service, { q: 'fougere' }), ['Fougère'])
  t.same(await namesOf(service, { q: 'STRASSE' }), ['Straße'])
  t.same(await namesOf(service, { q: 'linalool ｒｏｓｅ' }), ['Rose Garden'])
  t.same(await namesOf(service, { q: ' ' }), ['Rose', 'Straße', 'Fougère', 'Rose Garden'])
  t.same(await namesOf(service, { material: 'LINALOOL', name: 'f' }), ['Fougère'])
  t.same(await namesOf(service, { material: 'linal' }), [])
})

test('formulas are found by who submitted them', async (t) => {
  const { submitter, admin, reader } = await startGuarded(t)
  await submitter.submit(formula(1))
  await admin.submit(formula(2))
  t.same(await namesOf(reader, { submittedBy: 'submit' }), ['Formula 1'])
  t.same(await namesOf(reader, { submittedBy: 'admin' }), ['Formula 2'])
  t.same(await namesOf(reader, { submittedBy: 'Admin' }), [])
})

test('formulas are found by the time of their acceptance, from its first moment to before its last', async (t) => {
  const clock = new TestClock()
  const service = await startService(t, {}, { clock, stores: memoryStores(clock) })
  await service.submit(formula(1))
  clock.advance(60_000)
  await service.submit(formula(2))
  const [second, first] = formulasOf(await service.get('/formulas')).map(({ createdAt }) => createdAt) as [
    string,
    string,
  ]
  t.same(await namesOf(service, { from: first, to: second }), ['Formula 1'])
  t.same(await namesOf(service, { from: second }), ['Formula 2'])
  const elsewhere = `${new Date(Date.parse(second) + 3_600_000).toISOString().slice(0, -1)}+01:00`
  t.same(await namesOf(service, { from: elsewhere }), ['Formula 2'])
  for (const from of ['', 'x', '2026-01-31', '2026-01-31T12:00:00', '2026-02-30T12:00:00Z']) {
    const { details } = errorOf(t, await service.get(query({ from })), 400, 'VALIDATION_FAILED')
    t.match(details, [{ path: '?from' }])
  }
})

test('a cursor holds for the same filters only', async (t) => {
  const { submit, get } = await startService(t)
  await submit([formula(1, 'Rose'), formula(2, 'Rosemary'), formula(3, 'Tea Rose')])
  const filters = { q: 'rose linalool', limit: '1' }
  const page = await get(query(filters))
  const { nextCursor: cursor } = page.json()
  t.match(page.headers.link, `cursor=${cursor}`)
  t.same(
    formulasOf(await get(query({ ...filters, cursor }))),
    formulasOf(await get(query({ ...filters, q: 'rosemary' }))),
  )
  t.equal((await get(query({ q: 'LINALOOL  rosé', cursor }))).statusCode, 200, 'the same words')
  const { nextCursor: plain } = (await get(query({ limit: '1' }))).json()
  for (const wrong of [{ q: 'rose' }, {}, { ...filters, name: 'r' }, { ...filters, submittedBy: 'lab' }]) {
    errorOf(t, await get(query({ ...wrong, cursor })), 400, 'CURSOR_INVALID')
  }
  errorOf(t, await get(query({ ...filters, cursor: plain })), 400, 'CURSOR_INVALID')
})

test('a page ends when its time is over, even empty, and a loop over the pages finds everything', async (t) => {
  let now = 0
  const options = { clock: new TestClock(), answerTtlMs: DAY_MS, maxReceives: 5 }
  const stores = openInProcess(join(t.testdir(), 'f.db'), options, () => (now += 300))
  const { submit, get } = await startService(t, {}, { stores })
  await submit([formula(1, 'Rose'), ...[2, 3].map((number) => formula(number))])
  const pages: string[][] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await get(query({ q: 'rose', ...(cursor && { cursor }) }))
    pages.push(formulasOf(page).map(({ name }) => name))
    cursor = page.json().nextCursor
  }
  t.same(pages[0], [])
  t.same(pages.flat(), ['Rose'])
})
