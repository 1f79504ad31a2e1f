import { type Test, test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { scrape } from '../support/http/scrape.ts'
import { type Client, errorOf, formula, formulasOf, startService } from '../support/http/service.ts'
import { newKey } from '../support/new-key.ts'
import { TestClock } from '../support/test-clock.ts'
import { holdingStores, memoryStores, unavailable } from './fixtures.ts'

const MIB = 2 ** 20
const check = (client: Pick<Client, 'post'>, body: unknown) => client.post('/formulas/check', body)

/** A formula as it is submitted, with metadata, and as it would be stored. */
const noted = {
  name: ' Rose ',
  materials: [
    { name: ' Linalool', concentration: '.50' },
    { name: 'Musk', concentration: 10 },
  ],
  metadata: { trial: '7', 'cas.Linalool': '78-70-6' },
}
const notedShown = {
  name: 'Rose',
  materials: [
    { name: 'Linalool', concentration: '0.5' },
    { name: 'Musk', concentration: '10' },
  ],
  metadata: { 'cas.Linalool': '78-70-6', trial: '7' },
}

test('a check shows what is new as it would be stored, and what is known as it is stored', async (t) => {
  const service = await startService(t)
  const [stored] = formulasOf(await service.submit({ ...formula(1), metadata: { client: 'Maison Verte' } }))
  const answer = await check(service, [noted, formula(1, 'Other name'), { ...formula(2), metadata: {} }])
  t.match(answer, { statusCode: 200, headers: { 'cache-control': 'no-store' } })
  const [first, second, third] = formulasOf(answer)
  t.equal(JSON.stringify(first), JSON.stringify({ id: first?.id, ...notedShown, outcome: 'new' }))
  t.equal(JSON.stringify(second), JSON.stringify({ ...stored, outcome: 'duplicate' }))
  t.same(Object.keys(third ?? {}), ['id', 'name', 'materials', 'outcome'])
  t.same(Object.keys(answer.json()), ['formulas'])
  const [added] = formulasOf(await service.submit(noted))
  t.equal(first?.id, added?.id)
})

test('a check shows of a twin in its list the earlier entry', async (t) => {
  const service = await startService(t)
  const [stored] = formulasOf(await service.submit(formula(1)))
  const asked = [noted, { ...noted, name: 'Twin', metadata: { trial: '8' } }, formula(1, 'a'), formula(1, 'b')]
  const [first, twin, ...known] = formulasOf(await check(service, asked))
  t.equal(JSON.stringify(twin), JSON.stringify({ ...first, outcome: 'duplicate' }))
  t.same(known, Array(2).fill({ ...stored, outcome: 'duplicate' }))
})

test('a check of a single formula is answered as a list of one', async (t) => {
  const service = await startService(t)
  t.match(formulasOf(await check(service, noted)), [{ ...notedShown, outcome: 'new' }])
})

test('a check leaves no trace: no formula, no event, no key, no claim', async (t) => {
  const { send, submit, get, ...service } = await startService(t)
  const headers = { 'idempotency-key': 'k' }
  await send({ method: 'POST', url: '/formulas/check', headers, payload: formula(1) })
  t.same((await get('/formulas')).json().formulas, [])
  t.match((await get('/events/stats')).json(), { ready: 0 })
  t.equal((await submit(formula(2), { key: 'k' })).statusCode, 200)
  t.equal((await submit(formula(1))).statusCode, 200)
  const { value } = await scrape({ get })
  t.equal(value('intake_submissions_total', { outcome: 'added' }), 2)
  t.match(formulasOf(await check(service, formula(1))), [{ outcome: 'duplicate' }])
})

test('a composition of a submission under way is new to a check, which does not wait for it', async (t) => {
  const { stores, entered, release } = holdingStores()
  const service = await startService(t, {}, { stores })
  const running = service.submit(formula(1))
  await entered
  t.match(formulasOf(await check(service, formula(1))), [{ outcome: 'new' }])
  release()
  t.equal((await running).statusCode, 200)
})

test('a composition whose saga is not complete is new to a check', async (t) => {
  const stores = memoryStores()
  const { publish } = stores.queue
  const [entered, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  stores.queue.publish = async (...args) => {
    entered.resolve()
    await go.promise
    return publish.apply(stores.queue, args)
  }
  const service = await startService(t, {}, { stores: { ...stores, intake: null } })
  const running = service.submit(formula(1))
  await entered.promise
  t.match(formulasOf(await check(service, formula(1))), [{ outcome: 'new' }])
  go.resolve()
  t.equal((await running).statusCode, 200)
  t.match(formulasOf(await check(service, formula(1))), [{ outcome: 'duplicate' }])
})

test('a check refuses what a submission refuses, and needs no key but takes no query', async (t) => {
  const { submit, post, send, ...service } = await startService(t, { BODY_LIMIT_BYTES: '2000' })
  const url = '/formulas/check'
  const headers = { 'content-type': 'application/json' }
  for (const payload of [
    '',
    '{}',
    '[]',
    '{',
    '[5]',
    JSON.stringify({ name: 5, colour: 'red' }),
    JSON.stringify({ ...formula(1), metadata: { client: 5 } }),
    JSON.stringify(formula(1, 'x'.repeat(2000))),
  ]) {
    const refused = await submit(payload)
    t.ok(refused.statusCode >= 400)
    const { statusCode, body } = await send({ method: 'POST', url, headers, payload })
    t.same({ statusCode, body }, { statusCode: refused.statusCode, body: refused.body }, payload.slice(0, 50))
  }
  const text = await send({ method: 'POST', url, headers: { 'content-type': 'text/plain' }, payload: 'x' })
  errorOf(t, text, 415, 'UNSUPPORTED_MEDIA_TYPE')
  errorOf(t, await post(`${url}?onDuplicate=skip`, formula(1)), 400, 'VALIDATION_FAILED')
  errorOf(t, await service.get(url), 404, 'FORMULA_NOT_FOUND')
})

test('without the scope read a check shows of a duplicate its id alone, twins and own ones included', async (t) => {
  const { path, app, as, submitter, admin } = await startGuarded(t)
  const both = as(newKey(path, 'both', 'submit,read'))
  app.apiKeys?.reload()
  const [stored] = formulasOf(await submitter.submit(formula(1, 'Secret project')))
  const asked = [formula(1), formula(2), formula(2, 'twin')]
  const answer = await check(submitter, asked)
  const [own, fresh, twin] = formulasOf(answer)
  t.same(own, { id: stored?.id, outcome: 'duplicate' })
  t.match(fresh, { name: 'Formula 2', outcome: 'new' })
  t.same(twin, { id: fresh?.id, outcome: 'duplicate' })
  t.notMatch(answer.body, 'Secret')
  for (const client of [both, admin]) {
    t.same(formulasOf(await check(client, asked))[0], { ...stored, outcome: 'duplicate' })
  }
})

/** Stores formulas of some 130 kB each, mostly metadata and mostly of more bytes than characters. */
async function withLong(t: Test, count: number) {
  const stores = memoryStores(new TestClock())
  const pages: number[] = []
  const getPage = stores.db.getPage.bind(stores.db)
  stores.db.getPage = async (ids) => {
    const page = await getPage(ids)
    pages.push(page.length)
    return page
  }
  const service = await startService(t, { BODY_LIMIT_BYTES: String(64 * MIB) }, { stores })
  const name = (index: number) => `${'Rose'.repeat(5)}${'\u3000'.repeat(55)}${index}`
  const long = Array.from({ length: count }, (_, number) => ({
    name: `Long ${number}`,
    materials: Array.from({ length: 400 }, (_, index) => ({ name: name(index), concentration: number + 1 })),
    metadata: Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, '\u{1f339}'.repeat(500)])),
  }))
  return { ...service, long, stored: formulasOf(await service.submit(long)), pages }
}

test('once the answer to a check has 4 MiB of formulas further duplicates are told by their ids', async (t) => {
  const { long, stored, pages, ...service } = await withLong(t, 80)
  const asked = [long[0], ...long, formula(1)]
  const answer = await check(service, asked)
  const [again, ...entries] = formulasOf(answer)
  t.same(again, { ...stored[0], outcome: 'duplicate' })
  const full = entries.findIndex((entry) => !('name' in entry))
  t.same(
    entries.slice(0, full),
    stored.slice(0, full).map((entry) => ({ ...entry, outcome: 'duplicate' })),
  )
  t.same(
    entries.slice(full, -1),
    stored.slice(full).map(({ id }) => ({ id, outcome: 'duplicate' })),
  )
  t.match(entries.at(-1), { name: 'Formula 1', outcome: 'new' }, 'what is new is told as a whole')
  const bytes = Buffer.byteLength(answer.body)
  t.ok(bytes > 4 * MIB && bytes < 4.3 * MIB, `${bytes}`)
  t.ok(pages.length > 1, 'the formulas are read a page at a time')
  t.equal(
    pages.reduce((sum, length) => sum + length),
    81,
    'each once',
  )
})

test('four checks are read at a time, each with all its pages, and none while answers are unread', async (t) => {
  const stores = memoryStores()
  const held: (() => void)[] = []
  stores.db.getPage = (ids) => new Promise((resolve) => held.push(() => resolve(ids.slice(0, 1).map(() => null))))
  const service = await startService(t, {}, { stores })
  const release = async () => {
    for (const go of held.splice(0)) go()
    await new Promise(setImmediate)
  }
  const answers = Array.from({ length: 6 }, () => check(service, [formula(1), formula(2)]))
  while (held.length < 4) await new Promise(setImmediate)
  await release()
  t.equal(held.length, 4, 'the second pages of the first four')
  while (held.length > 0) await release()
  t.match(await Promise.all(answers), Array(6).fill({ statusCode: 200 }))
  service.app.connections.unread.take(1e9)
  errorOf(t, await check(service, formula(1)), 503, 'SERVICE_OVERLOADED')
  service.app.connections.unread.give(1e9)
})

test('a check is a 503 when the store does not answer', async (t) => {
  const stores = memoryStores()
  stores.db.getPage = unavailable
  const service = await startService(t, {}, { stores })
  errorOf(t, await check(service, formula(1)), 503, 'STORE_UNAVAILABLE')
})

test('each formula of a check counts against the rate limit, known or new', async (t) => {
  const { submitter, admin } = await startGuarded(t, { RATE_LIMIT_PER_MINUTE: '10' })
  t.match((await submitter.submit(formula(1))).headers.ratelimit, /;r=9;/)
  t.match((await check(submitter, formula(1))).headers.ratelimit, /;r=8;/)
  t.match((await check(submitter, [formula(2), formula(3)])).headers.ratelimit, /;r=6;/)
  const guesses = [1, 2, 3, 4, 5, 6, 7].map((number) => formula(number))
  t.match(await check(submitter, guesses), { statusCode: 200, headers: { ratelimit: /;r=0;/ } })
  errorOf(t, await check(submitter, formula(9)), 429, 'RATE_LIMITED')
  const { value } = await scrape(admin)
  t.equal(value('intake_formulas_refused_total', { caller: 'submit' }), 8, 'those of lists with a known one')
})
