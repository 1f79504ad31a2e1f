import { test } from 'tap'
import { errorOf, formula, formulasOf, startService } from '../support/http/service.ts'

const submitAs = (prefer: string, key: string, payload: unknown, query = '') => ({
  method: 'POST' as const,
  url: `/formulas${query}`,
  headers: { 'idempotency-key': key, prefer },
  payload: payload as object,
})

test('return=minimal is answered with ids alone, and says that it was applied', async (t) => {
  const { send, get } = await startService(t)
  const single = await send(submitAs('return=minimal', 'a', formula(1)))
  const [{ id } = { id: '' }] = formulasOf(await get('/formulas'))
  t.equal(single.statusCode, 200)
  t.equal(single.body, `{"message":"Formula(s) added!","formulas":[{"id":"${id}"}]}`)
  t.match(single.headers, { 'preference-applied': 'return=minimal', location: `/formulas/${id}` })
  const list = await send(submitAs('return=minimal', 'b', [formula(1), formula(2)], '?onDuplicate=skip'))
  t.same(
    formulasOf(list).map((entry) => [Object.keys(entry), entry.outcome]),
    [
      [['id', 'outcome'], 'duplicate'],
      [['id', 'outcome'], 'added'],
    ],
  )
  const refused = await send(submitAs('return=minimal', 'c', formula(1)))
  errorOf(t, refused, 409, 'FORMULA_EXISTS')
  t.equal(refused.headers['preference-applied'], undefined)
})

test('a replay is written for its own request, from memory too', async (t) => {
  const { send } = await startService(t)
  const whole = await send(submitAs('', 'a', formula(1)))
  for (let round = 0; round < 3; round++) {
    const minimal = await send(submitAs('return=minimal', 'a', formula(1)))
    t.same(formulasOf(minimal), [{ id: formulasOf(whole)[0]?.id }])
    t.match(minimal.headers, { 'idempotent-replayed': 'true', 'preference-applied': 'return=minimal' })
    const replay = await send(submitAs('', 'a', formula(1)))
    t.equal(replay.body, whole.body)
    t.equal(replay.headers['preference-applied'], undefined)
  }
})

const PREFERENCES: [header: string, isMinimal: boolean][] = [
  ['return=minimal', true],
  ['Return = "minimal"', true],
  ['RETURN=MINIMAL;x="a, b"', true],
  ['respond-async, wait=10,return=minimal', true],
  ['x="return=representation, \\" ,", return=minimal', true],
  ['return=representation', false],
  ['return=representation, return=minimal', false],
  ['return; a, return=minimal', false],
  ['x="return=minimal', false],
  ['x=", return=minimal,"', false],
  ['x; return=minimal', false],
  ['return=minimalist', false],
  ['', false],
  [`${'"\\'.repeat(4_000)}`, false],
]

for (const [header, isMinimal] of PREFERENCES) {
  test(`Prefer: ${header.slice(0, 60)} is ${isMinimal ? '' : 'not '}return=minimal`, async (t) => {
    const { send } = await startService(t)
    const { headers } = await send(submitAs(header, 'a', formula(1)))
    t.equal(headers['preference-applied'], isMinimal ? 'return=minimal' : undefined)
  })
}

test('each page but the last links to the next one, by the same query', async (t) => {
  const { submit, get, app } = await startService(t, { EVENT_MAX_RECEIVES: '1' })
  for (let n = 1; n <= 5; n++) await submit(formula(n, `R&D <"${n}">`))
  const { events } = (await app.inject({ method: 'POST', url: '/events/receive', payload: { max: 5 } })).json()
  const receipts = events.map(({ receipt }: { receipt: string }) => receipt)
  await app.inject({ method: 'POST', url: '/events/nack', payload: { receipts } })
  for (const [path, list] of [
    [`/formulas?name=${encodeURIComponent('R&D <"')}&limit=2`, 'formulas'],
    ['/events/dead?limit=2&subscription=default', 'events'],
  ] as const) {
    const names: string[] = []
    let next: string | undefined = path
    for (let pages = 0; next !== undefined; pages++) {
      t.ok(pages < 3)
      const page = await get(next)
      for (const { name } of page.json()[list]) names.push(name)
      next = /^<(.*)>; rel="next"$/.exec(String(page.headers.link))?.[1]
      t.equal(next && new URL(next, 'http://x').searchParams.get('cursor'), page.json().nextCursor ?? undefined)
    }
    t.equal(new Set(names).size, 5, path)
  }
})

test('a formula has a tag, and is not sent again to who names it', async (t) => {
  const { submit, send, app } = await startService(t)
  const url = (await submit(formula(1))).headers.location as string
  const ask = (tags: string, method: 'GET' | 'HEAD' = 'GET') =>
    send({ method, url, headers: { 'if-none-match': tags } })
  const { headers, body } = await send({ url })
  const tag = headers.etag as string
  t.match(tag, /^"[0-9a-f]{64}-1"$/)
  t.equal(headers['cache-control'], 'private, no-cache')
  for (const tags of [tag, `W/${tag}`, `"a,b", ${tag}`, `${tag},"c"`, '*']) {
    for (const method of ['GET', 'HEAD'] as const) {
      const same = await ask(tags, method)
      t.equal(same.statusCode, 304, tags)
      t.equal(same.body, '')
      t.match(same.headers, { etag: tag, 'cache-control': 'private, no-cache', 'content-length': String(body.length) })
    }
  }
  for (const tags of ['"x"', tag.slice(1, -1), tag.replace('-1', '-12'), ''])
    t.equal((await ask(tags)).body, body, tags)
  const id = url.slice('/formulas/'.length)
  t.equal((await app.inject({ method: 'DELETE', url: `/formulas/${id}` })).statusCode, 204)
  const gone = await ask('*')
  errorOf(t, gone, 404, 'FORMULA_NOT_FOUND')
  t.match(gone.headers, { 'cache-control': 'no-store', etag: undefined })
  await submit(formula(1))
  t.match(await ask(tag), { statusCode: 200, headers: { etag: `"${id}-2"` } }, 'stored again it is another')
})

test('all else with data must not be kept by anybody', async (t) => {
  const { submit, get } = await startService(t)
  const answers = [await submit(formula(1), { key: 'a' })]
  for (const url of ['/formulas', '/submissions/a', '/formulas/x', '/events/stats', '/']) answers.push(await get(url))
  t.same(
    answers.slice(0, -1).map(({ headers }) => headers['cache-control']),
    Array(5).fill('no-store'),
  )
})
