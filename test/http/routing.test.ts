import { test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { raw } from '../support/http/raw-connection.ts'
import { type Answer, errorOf, formula, startService } from '../support/http/service.ts'
import { overload } from './fixtures.ts'

test('a path without a route is a 404, before its body is looked at', async (t) => {
  const { send, get } = await startService(t)
  for (const url of ['/nope', '/openapi', '/docs.html', '/Formulas', '/formulas/x/y', '//formulas']) {
    errorOf(t, await get(url), 404, 'ROUTE_NOT_FOUND')
  }
  const headers = { 'content-type': 'text/plain' }
  errorOf(t, await send({ method: 'POST', url: '/nope', headers, payload: '{' }), 404, 'ROUTE_NOT_FOUND')
})

test('a method that a path does not support is a 405 with the supported methods in Allow', async (t) => {
  const { send } = await startService(t)
  const cases = [
    ['OPTIONS', '/formulas', 'GET, HEAD, POST'],
    ['PUT', `/formulas/${'x'.repeat(3000)}?a=b`, 'DELETE, GET, HEAD'],
    ['GET', '/events/receive', 'POST'],
    ['PUT', '/events/dead/x', 'DELETE'],
    ['POST', '/health/live', 'GET, HEAD'],
    ['PATCH', '/cleanups/x/retry', 'POST'],
    ['POST', '/docs', 'GET, HEAD'],
    ['POST', '/docs/', 'GET, HEAD'],
    ['DELETE', '/events/dead/', 'GET, HEAD'],
    ['PUT', '/formulas/', 'GET, HEAD, POST'],
  ] as const
  for (const [method, url, allow] of cases) {
    const headers = { 'content-type': 'text/plain' }
    const answer = await send({ method, url, headers, payload: method === 'GET' ? '' : '{' })
    errorOf(t, answer, 405, 'METHOD_NOT_ALLOWED')
    t.same(String(answer.headers.allow).split(', ').sort(), allow.split(', '), url)
  }
})

test('a path with a slash at its end is the same path', async (t) => {
  const { send, submit, get } = await startService(t)
  const headers = { 'idempotency-key': 'abc' }
  const added = await send({ method: 'POST', url: '/formulas/', headers, payload: formula(1) })
  t.equal(added.statusCode, 200)
  t.equal((await submit(formula(1), { key: 'abc' })).body, added.body, 'and its key is the same key')
  const [{ id }] = added.json().formulas
  t.match((await get('/formulas/')).json(), { formulas: [{ id }], nextCursor: null })
  t.match((await get('/formulas/?limit=1')).json(), { formulas: [{ id }] })
  t.match((await get(`/formulas/${id}/`)).json(), { id })
  t.equal((await get('/health/live/')).statusCode, 200)
  t.match((await get('/openapi.json/')).json(), { openapi: /^3/ })
  errorOf(t, await get('/nope/'), 404, 'ROUTE_NOT_FOUND')
})

test('a URL that cannot be read is a 400, one that is too long a 414, in the one shape', async (t) => {
  const { get } = await startService(t)
  const answer = await get('/formulas/%zz')
  errorOf(t, answer, 400, 'BAD_REQUEST')
  t.ok(answer.headers['x-request-id'])
  errorOf(t, await get(`/formulas/${'x'.repeat(8193)}`), 414, 'URI_TOO_LONG')
})

test('each answer has a request id: the one from the caller where it is valid', async (t) => {
  const { send } = await startService(t)
  const idFor = async (given?: string) => {
    const headers = given === undefined ? {} : { 'x-request-id': given }
    return (await send({ url: '/health/live', headers })).headers['x-request-id']
  }
  t.equal(await idFor('trace-1:a.b_c'), 'trace-1:a.b_c')
  const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/
  for (const given of [undefined, '', 'a b', 'x'.repeat(129), 'é', '"']) t.match(await idFor(given), uuid)
  t.equal((await send({ url: '/nope', headers: { 'x-request-id': 'lost' } })).headers['x-request-id'], 'lost')
})

test('input that is not HTTP gets an error in the common shape, and the connection ends', async (t) => {
  const service = await startService(t)
  const cases = [
    ['nonsense\r\n\r\n', 400, 'BAD_REQUEST'],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    ['GET /health/live HTTP/1.1\r\nHost: localhost\r\nExpect: cake\r\n\r\n', 417, 'EXPECTATION_FAILED'],
  ] as const
  for (const [bytes, status, code] of cases) {
    const { head, body } = await raw(t, service, bytes)
    t.match(head, new RegExp(`^HTTP/1.1 ${status} `))
    t.match(head, /\r\nConnection: close/i)
    t.match(head, /\r\nCache-Control: no-store/i)
    t.match(head, /\r\nContent-Type: application\/json; charset=utf-8/i)
    t.match(JSON.parse(body), { status, code, details: [] })
  }
})

test('HTTP/1.1 without a Host header is refused in the one shape; HTTP/1.0 needs none', async (t) => {
  const service = await startService(t)
  const { head, body } = await raw(t, service, 'GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n')
  t.match(head, /^HTTP\/1.1 400 /)
  t.match(JSON.parse(body), { code: 'BAD_REQUEST', details: [{ path: 'Host' }] })
  t.match((await raw(t, service, 'GET /health/live HTTP/1.0\r\n\r\n')).head, /^HTTP\/1.1 200 /)
})

test('a request that takes too long to arrive is a 408; a connection that is gone gets nothing', async (t) => {
  const { app } = await startService(t)
  const timeout = Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
  const written: string[] = []
  const socket = { destroyed: false, writable: true, write: (part: string) => written.push(part), destroy: () => {} }
  app.server.emit('clientError', timeout, socket)
  t.match(written[0], /^HTTP\/1.1 408 Request Timeout\r\n.*"code":"REQUEST_TIMEOUT"/s)
  app.server.emit('clientError', timeout, { ...socket, writable: false })
  app.server.emit('clientError', timeout, { ...socket, destroyed: true })
  app.server.emit('clientError', Object.assign(new Error('reset'), { code: 'ECONNRESET' }), socket)
  t.equal(written.length, 1)
})

test('a body that breaks off is a 400', async (t) => {
  const { send } = await startService(t)
  const headers = { 'content-type': 'application/json', 'content-length': '10' }
  errorOf(t, await send({ method: 'POST', url: '/events/receive', headers, payload: '{}' }), 400, 'BAD_REQUEST')
})

const ADMIN_PATHS = ['/events/stats', '/events/dead', '/cleanups', '/metrics', '/health/ready']
const SAFETY = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

test('each answer carries the safety headers, is kept by no cache, and tells no version', async (t) => {
  const { app, get, reader, submitter, consumer, admin } = await startGuarded(t, { RATE_LIMIT_PER_MINUTE: '9' })
  const answers: [number, Answer][] = [
    [200, await get('/health/live')],
    [200, await submitter.submit(formula(1), { key: 'k' })],
    [200, await submitter.submit(formula(1), { key: 'k' })],
    [404, await admin.send({ method: 'DELETE', url: '/events/dead/x' })],
    [200, await consumer.post('/events/receive')],
    [400, await get('/formulas/%zz')],
    [401, await get('/formulas')],
    [403, await reader.get('/cleanups')],
    [404, await reader.get('/nope')],
    [409, await submitter.submit(formula(1))],
    [200, await reader.get('/formulas')],
    [404, await reader.get('/formulas/x')],
    ...(await Promise.all(ADMIN_PATHS.map(async (path): Promise<[number, Answer]> => [200, await admin.get(path)]))),
  ]
  overload(app)
  answers.push([503, await submitter.submit(formula(2))])
  while ((await reader.get('/formulas')).statusCode === 200);
  answers.push([429, await reader.get('/formulas')])
  for (const [status, { statusCode, headers }] of answers) {
    t.equal(statusCode, status)
    t.match(headers, SAFETY, String(status))
    t.ok(headers['x-request-id'])
    t.notOk(headers.server ?? headers['x-powered-by'])
  }
})
