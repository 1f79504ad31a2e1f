import { brotliCompressSync } from 'node:zlib'
import { test } from 'tap'
import { everyRoute } from '../support/http/routes.ts'
import { errorOf, formula, formulasOf, startService } from '../support/http/service.ts'

const json = { 'content-type': 'application/json' }

test('problems are reported in the order of the contract: key, size, media type, JSON, validation', async (t) => {
  const { send } = await startService(t, { BODY_LIMIT_BYTES: '1024' })
  const post = (headers: Record<string, string>, payload: string) =>
    send({ method: 'POST', url: '/formulas?onDuplicate=maybe', headers, payload })
  const key = { 'idempotency-key': 'abc' }
  const big = `{"name":"${'x'.repeat(1024)}`
  errorOf(t, await post(json, big), 400, 'IDEMPOTENCY_KEY_MISSING')
  errorOf(t, await post({ ...json, 'idempotency-key': 'a b' }, big), 400, 'IDEMPOTENCY_KEY_INVALID')
  errorOf(t, await post({ ...json, ...key }, big), 413, 'PAYLOAD_TOO_LARGE')
  errorOf(t, await post({ ...key, 'content-type': 'text/plain' }, '{'), 415, 'UNSUPPORTED_MEDIA_TYPE')
  errorOf(t, await post({ ...json, ...key }, '{'), 400, 'INVALID_JSON')
  errorOf(t, await post({ ...json, ...key }, '{"name":"x"}'), 400, 'FORMULA_MATERIALS_MISSING')
  const last = errorOf(t, await post({ ...json, ...key }, JSON.stringify(formula(1))), 400, 'VALIDATION_FAILED')
  t.match(last.details, [{ path: '?onDuplicate', message: 'Expected one of reject, skip' }])
})

test('a key is 1 to 255 visible ASCII characters, bare or quoted, where blanks may stand too', async (t) => {
  const { submit } = await startService(t)
  const keys = ['a', '!~', 'a"b', 'x'.repeat(255), '"abc"', `"${'y'.repeat(255)}"`, '"a\\"b\\\\"', '"order 12"', '" a"']
  for (const [index, key] of keys.entries()) {
    t.equal((await submit(formula(index + 1), { key })).statusCode, 200, key)
  }
  t.equal((await submit(formula(2), { key: 'abc' })).statusCode, 422, 'abc is the key "abc"')
  t.equal((await submit(formula(99), { key: 'a"b\\' })).statusCode, 422, 'escapes in a quoted key are undone')
  t.equal((await submit(formula(99), { key: '"order 12"' })).statusCode, 422)
  t.equal((await submit(formula(99), { key: '"order  12"' })).statusCode, 200, 'each blank counts')
})

test('any other key is malformed, one that was sent twice included', async (t) => {
  const { submit, send } = await startService(t)
  const long = 'x'.repeat(256)
  const bare = ['', 'a b', 'é', long]
  const quoted = ['""', '" "', `"${long}"`, `"${' '.repeat(255)}"`, `" ${'x'.repeat(255)}"`]
  const broken = ['"', '"a', 'a"', '"a\\b"', '"a"b"', '"a", "b"']
  for (const key of [...bare, ...quoted, ...broken]) {
    errorOf(t, await submit(formula(1), { key }), 400, 'IDEMPOTENCY_KEY_INVALID')
  }
  const headers = { 'idempotency-key': ['a', 'b'] }
  errorOf(t, await send({ method: 'POST', url: '/formulas', headers }), 400, 'IDEMPOTENCY_KEY_INVALID')
})

test('a body that is empty, no JSON, no UTF-8, or neither object nor list is INVALID_JSON', async (t) => {
  const { submit } = await startService(t)
  const deep = '['.repeat(100_000)
  const bodies = ['', ' ', '{}', '[]', '{', 'null', '5', '"x"', 'NaN', deep, `${deep}${']'.repeat(100_000)}`]
  for (const body of [...bodies, Buffer.from([0x22, 0xff, 0x22]), '12345678901234567890']) {
    const answer = await submit(body)
    t.equal(answer.statusCode, 400, body.slice(0, 20).toString())
    if (!String(body).endsWith(']]')) t.equal(answer.json().code, 'INVALID_JSON')
    if (!String(body).endsWith(']]')) t.equal(answer.json().message, 'Invalid or missing JSON')
  }
})

test('INVALID_JSON says where the text is broken, or what it is instead, and quotes nothing of it', async (t) => {
  const { submit, send } = await startService(t)
  const lines = `[\n${'  {"name":"Rose"},\n'.repeat(10_000)}`
  const cases: [body: string | Buffer, why: string][] = [
    ['', 'the body is empty'],
    [' \r\n\t', 'the body is empty'],
    ['{}', 'the object is empty'],
    ['[]', 'the list is empty'],
    ['5', 'it is neither an object nor a list'],
    ['null', 'it is neither an object nor a list'],
    [Buffer.from('{"name":"Rosé"}', 'latin1'), 'it is not UTF-8'],
    ['{"secret":1,}', 'it is broken at line 1, column 13'],
    ["{'secret':1}", 'it is broken at line 1, column 2'],
    ['{"name":secret}', 'it is broken at line 1, column 9'],
    ['{"a":1} {"b":2}', 'it is broken at line 1, column 9'],
    [`${lines}]`, 'it is broken at line 10002, column 1'],
    [`${lines}{"secret`, 'it is broken at line 10002, column 9'],
    [`[12345678901234567890,\n "secret" 1]`, 'it is broken at line 2, column 11'],
    ['['.repeat(100_000), 'it is broken'],
  ]
  for (const [body, why] of cases) {
    const { details, ...rest } = errorOf(t, await submit(body), 400, 'INVALID_JSON')
    t.same(details, [{ path: '', code: 'INVALID_JSON', message: `Invalid or missing JSON: ${why}` }])
    t.notMatch(rest, /secret/)
  }
  const request = { method: 'POST', url: '/events/receive', headers: json, payload: '{"max":1,}' } as const
  t.match(errorOf(t, await send(request), 400, 'INVALID_JSON').details, [{ message: /line 1, column 10$/ }])
})

test('a POST without any body and media type is INVALID_JSON where a body is due', async (t) => {
  const { send } = await startService(t)
  const headers = { 'idempotency-key': 'abc' }
  errorOf(t, await send({ method: 'POST', url: '/formulas', headers }), 400, 'INVALID_JSON')
})

test('only application/json in UTF-8 is read, however it is written', async (t) => {
  const { send } = await startService(t)
  const post = (type: string) =>
    send({ method: 'POST', url: '/events/receive', headers: { 'content-type': type }, payload: '{}' })
  const good = [
    'application/json',
    'Application/JSON',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/json; charset=utf8',
    'application/json; Charset="UTF8"; profile=x',
    'application/json;charset=unicode-1-1-utf-8',
  ]
  for (const type of [...good, 'application/json; profile=x']) t.equal((await post(type)).statusCode, 200, type)
  const bad = ['text/plain', 'application/json; charset=latin1', 'application/jsonp', 'application/xml', 'json', '']
  for (const type of [
    ...bad,
    'application/json; charset=utf-16; charset=latin1',
    'application/json; charset=utf8; charset=latin1',
    'application/json; charset=utf-8-sig',
    'application/json; charset=utf81',
    'application/x-www-form-urlencoded',
  ]) {
    errorOf(t, await post(type), 415, 'UNSUPPORTED_MEDIA_TYPE')
  }
})

test('a body in another coding than gzip is refused: 415', async (t) => {
  const { send } = await startService(t)
  const headers = { 'idempotency-key': 'k', 'content-type': 'application/json', 'content-encoding': 'br' }
  const answer = await send({ method: 'POST', url: '/formulas', headers, payload: brotliCompressSync('{}') })
  t.match(errorOf(t, answer, 415, 'UNSUPPORTED_MEDIA_TYPE').details, [{ path: 'Content-Encoding' }])
  t.equal(answer.headers['accept-encoding'], 'gzip', 'and the answer says what is taken')
  const plain = { ...headers, 'content-encoding': 'Identity' }
  const taken = await send({ method: 'POST', url: '/formulas', headers: plain, payload: JSON.stringify(formula(1)) })
  t.equal(taken.statusCode, 200)
  const text = { 'idempotency-key': 'k', 'content-type': 'text/plain' }
  t.notOk((await send({ method: 'POST', url: '/formulas', headers: text, payload: 'x' })).headers['accept-encoding'])
})

test('a body without a media type is refused', async (t) => {
  const { send } = await startService(t)
  const headers = { 'content-length': '2' }
  errorOf(
    t,
    await send({ method: 'POST', url: '/events/receive', headers, payload: '{}' }),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  )
})

test('a concentration comes back exactly as it was sent, or is refused', async (t) => {
  const { submit } = await startService(t)
  const body = (number: string) => `{"name":"Exact","materials":[{"name":"x","concentration":${number}}]}`
  const [stored] = formulasOf(await submit(body('12.123456789012')))
  t.equal(stored?.materials[0]?.concentration, '12.123456789012')
  const tooLong = await submit(body('0.1000000000000000055'))
  errorOf(t, tooLong, 400, 'MATERIAL_CONCENTRATION_NOT_DECIMAL')
})

test('a field called __proto__ or constructor is an unknown field like any other', async (t) => {
  const { submit, send } = await startService(t)
  const body = '{"name":"x","materials":[{"name":"x","concentration":1}],"__proto__":{"a":1},"constructor":1}'
  const { details } = errorOf(t, await submit(body), 400, 'FORMULA_FIELD_UNKNOWN')
  t.match(details, [{ path: '/__proto__' }, { path: '/constructor' }])
  const payload = '{"__proto__":{"max":2}}'
  const receive = await send({ method: 'POST', url: '/events/receive', headers: json, payload })
  t.match(errorOf(t, receive, 400, 'VALIDATION_FAILED').details, [{ path: '/__proto__' }])
})

test('query parameters that are unknown, repeated or out of range are named', async (t) => {
  const { get } = await startService(t)
  const limits = ['0', '201', '1.5', '1e1', '0x10', '', '-1', '1&limit=2']
  const wrong: [query: string, path: string][] = [
    ...limits.map((limit): [string, string] => [`limit=${limit}`, '?limit']),
    ['cursor=a&cursor=b', '?cursor'],
    [`name=${'x'.repeat(401)}`, '?name'],
    ['a%2Fb~c=1', '?a/b~c'],
    ['__proto__=1', '?__proto__'],
  ]
  for (const [query, path] of wrong) {
    const { details } = errorOf(t, await get(`/formulas?${query}`), 400, 'VALIDATION_FAILED')
    t.match(details, [{ path, code: 'VALIDATION_FAILED' }], query)
  }
})

test('of hundreds of problems in a query or a body, a hundred are told', async (t) => {
  const { get, post } = await startService(t)
  const wrong = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`p${index}`, '1']))
  for (const answer of [await get(`/formulas?${new URLSearchParams(wrong)}`), await post('/events/receive', wrong)]) {
    t.equal(errorOf(t, answer, 400, 'VALIDATION_FAILED').details.length, 100)
  }
})

/** Bodies without which a route refuses a request before it looks at the query. */
const BODIES: Record<string, object> = {
  '/formulas': formula(1),
  '/formulas/check': formula(1),
  '/formulas/:id/derive': { name: 'Twice', scale: '2' },
  '/events/ack': { receipts: ['x'] },
  '/events/nack': { receipts: ['x'] },
  '/events/extend': { receipts: ['x'], leaseSeconds: 1 },
  '/events/release': { ids: ['x'] },
  '/subscriptions/:name/seek': { to: 'end' },
}

test('no route takes a query parameter that it does not know', async (t) => {
  const { send } = await startService(t)
  for (const { method: methods, url } of await everyRoute(t)) {
    const method = [methods].flat()[0]
    const path = url.replace(/:\w+/, 'x').replace('*', 'main.js')
    const payload = method === 'POST' ? BODIES[url] : undefined
    const headers = { 'idempotency-key': 'abc' }
    const request = { method: method as 'GET', url: `${path}?colour=red`, headers, ...(payload && { payload }) }
    const answer = await send(request)
    t.equal(answer.statusCode, 400, `${method} ${url}`)
    if (method === 'HEAD') continue
    t.match(errorOf(t, answer, 400, 'VALIDATION_FAILED').details, [{ path: '?colour' }], `${method} ${url}`)
  }
  t.same((await send({ url: '/formulas' })).json().formulas, [])
})

test('dead letters are not redriven by a request that asks for some of them in its query', async (t) => {
  const { send, get, submit, post } = await startService(t, { EVENT_MAX_RECEIVES: '1' })
  await submit(formula(1))
  const [event] = (await post('/events/receive')).json().events
  await post('/events/nack', { receipts: [event.receipt] })
  errorOf(t, await send({ method: 'POST', url: `/events/dead/redrive?ids=${event.id}` }), 400, 'VALIDATION_FAILED')
  t.match((await get('/events/stats')).json(), { dead: 1, ready: 0 })
})
