import { join } from 'node:path'
import type { InjectOptions } from 'fastify'
import { type Test, test } from 'tap'
import type { Scope } from '../../src/access/api-key.ts'
import { digestOf } from '../../src/access/api-key.ts'
import { runKeysCommand } from '../../src/access/keys-command.ts'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { startGuarded } from '../support/http/keys.ts'
import { everyRoute } from '../support/http/routes.ts'
import { type Answer, errorOf, formula, startService } from '../support/http/service.ts'
import { newKey } from '../support/new-key.ts'
import { overload } from './fixtures.ts'

type Method = NonNullable<InjectOptions['method']>

/** The scopes of which each route accepts one, besides `admin`; empty if none of them is enough, null if public. */
const SCOPES: [method: Method, url: string, scopes: Scope[] | null][] = [
  ['POST', '/formulas', ['submit']],
  ['POST', '/formulas/check', ['submit']],
  // test/http/derivations.test.ts: it needs two.
  ['POST', '/formulas/x/derive', []],
  ['GET', '/formulas', ['read']],
  ['GET', '/formulas/x', ['read']],
  ['HEAD', '/formulas', ['read']],
  ['DELETE', '/formulas/x', []],
  ['GET', '/submissions/x', ['submit']],
  ['GET', '/formulas/x/deliveries', []],
  ['POST', '/events/receive', ['consume']],
  ['POST', '/events/ack', ['consume']],
  ['POST', '/events/nack', ['consume']],
  ['POST', '/events/extend', ['consume']],
  ['GET', '/events', []],
  ['GET', '/events/stats', ['read', 'consume']],
  ['POST', '/events/release', []],
  ['GET', '/events/dead', []],
  ['POST', '/events/dead/redrive', []],
  ['DELETE', '/events/dead/x', []],
  ['GET', '/subscriptions', ['read', 'consume']],
  ['PUT', '/subscriptions/x', []],
  ['POST', '/subscriptions/x/seek', []],
  ['POST', '/subscriptions/x/pause', []],
  ['POST', '/subscriptions/x/resume', []],
  ['DELETE', '/subscriptions/x', []],
  ['GET', '/cleanups', []],
  ['POST', '/cleanups/x/retry', []],
  ['GET', '/metrics', []],
  ['GET', '/openapi.json', []],
  ['GET', '/docs', []],
  ['GET', '/docs/json', []],
  ['GET', '/docs/static/swagger-ui.css', []],
  ['GET', '/health/live', null],
  ['GET', '/health/ready', null],
]

/** Checks that an answer is a 401. @returns the part that must be the same in all such answers */
function askedForKey(t: Test, answer: Answer): unknown {
  errorOf(t, answer, 401, 'UNAUTHORIZED')
  t.equal(answer.headers['www-authenticate'], 'Bearer')
  const { date: _, 'x-request-id': __, ...headers } = answer.headers
  return { headers, body: answer.body }
}

test('every route has a scope or is public, and none both', async (t) => {
  const routes = await everyRoute(t)
  t.ok(routes.length > 15)
  for (const { method, url, config } of routes) {
    t.equal([config?.scope, config?.public].filter(Boolean).length, 1, `${method} ${url}`)
  }
})

test('a route that says neither is for admin alone', async (t) => {
  const path = join(t.testdir(), 'keys.json')
  const secrets = ['submit', 'read', 'consume', 'admin'].map((scope) => newKey(path, scope, scope))
  const app = buildApp(readConfig({ DATABASE_URL: 'memory:', API_KEYS_FILE: path }))
  t.teardown(() => app.close())
  app.get('/forgotten', async () => 'secret')
  const statuses = secrets.map(async (secret) => {
    const headers = { authorization: `Bearer ${secret}` }
    return (await app.inject({ url: '/forgotten', headers })).statusCode
  })
  t.same(await Promise.all(statuses), [403, 403, 403, 200])
  t.equal((await app.inject('/forgotten')).statusCode, 401)
})

for (const [method, url, scopes] of SCOPES) {
  test(`${method} ${url} is for ${scopes?.concat('admin').join(' and ') ?? 'all'}`, async (t) => {
    const { send, as, secrets } = await startGuarded(t)
    const anonymous = await send({ method, url })
    if (scopes !== null) t.equal(anonymous.statusCode, 401)
    else t.equal((await send({ method, url, headers: { authorization: 'Bearer x' } })).statusCode, 200)
    for (const [scope, secret] of Object.entries(secrets)) {
      const { statusCode } = await as(secret).send({ method, url })
      const isAllowed = scopes === null || scope === 'admin' || scopes.includes(scope as Scope)
      t.equal(statusCode === 403, !isAllowed, `${scope}: ${statusCode}`)
      t.not(statusCode, 401)
    }
  })
}

test('a key with several scopes may do what each of them allows', async (t) => {
  const { path, app, as } = await startGuarded(t)
  const secret = newKey(path, 'both', 'submit,read')
  app.apiKeys?.reload()
  const both = as(secret)
  t.equal((await both.submit(formula(1))).statusCode, 200)
  t.equal((await both.get('/formulas')).statusCode, 200)
  t.equal((await both.post('/events/receive')).statusCode, 403)
})

test('a missing scope is told with the one that is needed', async (t) => {
  const { reader, consumer } = await startGuarded(t)
  const { details } = errorOf(t, await consumer.get('/formulas'), 403, 'FORBIDDEN')
  t.match(details, [{ path: 'Authorization', code: 'FORBIDDEN', message: 'The API key needs the scope read' }])
  t.match((await reader.get('/cleanups')).json().details, [{ message: 'The API key needs the scope admin' }])
})

test('no key, an unknown one and a revoked one get the same answer', async (t) => {
  const { path, app, get, as, send, secrets } = await startGuarded(t)
  const none = askedForKey(t, await get('/formulas'))
  runKeysCommand(['revoke', '--name', 'read'], path, new Date())
  app.apiKeys?.reload()
  const shown = [secrets.read, 'x', '', `${secrets.admin}x`, digestOf(secrets.admin), 'é', 'x'.repeat(8_000)]
  for (const secret of shown) t.same(askedForKey(t, await as(secret).get('/formulas')), none, secret.slice(0, 50))
  for (const authorization of [`Basic ${secrets.admin}`, secrets.admin, `Bearer${secrets.admin}`, '']) {
    t.same(askedForKey(t, await send({ url: '/formulas', headers: { authorization } })), none)
  }
  t.same(askedForKey(t, await get(`/formulas?authorization=Bearer%20${secrets.admin}`)), none, 'only the header counts')
})

test('the scheme may be written in any case', async (t) => {
  const { send, secrets } = await startGuarded(t)
  for (const scheme of ['bearer', 'BEARER']) {
    const headers = { authorization: `${scheme} ${secrets.read}` }
    t.equal((await send({ url: '/formulas', headers })).statusCode, 200)
  }
})

test('a key is asked for also where there is no route or another method; any key will do then', async (t) => {
  const { send, consumer } = await startGuarded(t)
  for (const [method, url, status] of [
    ['GET', '/nope', 404],
    ['POST', '/health/live', 405],
    ['PUT', '/formulas', 405],
    ['OPTIONS', '/cleanups', 405],
  ] as const) {
    t.notOk('allow' in (await send({ method, url })).headers)
    askedForKey(t, await send({ method, url }))
    t.equal((await consumer.send({ method, url })).statusCode, status)
  }
})

test('the key comes before all other checks', async (t) => {
  const { send, app, reader } = await startGuarded(t, { BODY_LIMIT_BYTES: '1024' })
  overload(app)
  const request = { method: 'POST', url: '/formulas', headers: { 'content-type': 'text/plain' } } as const
  const big = { ...request, payload: 'x'.repeat(5_000) }
  askedForKey(t, await send(big))
  errorOf(t, await reader.send(big), 403, 'FORBIDDEN')
})

test('idempotency keys belong to the caller: nobody sees the answer of another', async (t) => {
  const { path, app, as } = await startGuarded(t)
  const [lab, labToo, shop] = ['lab', 'lab', 'shop'].map((name) => newKey(path, name, 'submit')) as [
    string,
    string,
    string,
  ]
  app.apiKeys?.reload()
  const submit = (secret: string, body: unknown) => as(secret).submit(body, { key: 'k' })
  const first = await submit(lab, formula(1))
  t.equal(first.statusCode, 200)
  errorOf(t, await submit(shop, formula(1)), 409, 'FORMULA_EXISTS')
  const own = await submit(shop, formula(1))
  t.match(own, { statusCode: 409, headers: { 'idempotent-replayed': 'true' } }, 'it sees its own')
  for (const secret of [lab, labToo]) {
    const again = await submit(secret, formula(1))
    t.match(
      again,
      { statusCode: 200, body: first.body, headers: { 'idempotent-replayed': 'true' } },
      'also by a new key',
    )
  }
  t.match(await submit(shop, formula(1)), { statusCode: 409, body: own.body }, 'also when others were repeated')
  t.equal((await submit(labToo, formula(2))).statusCode, 422)
})

test('an answer that is remembered is given only to who may submit', async (t) => {
  const { path, app, send, submitter, reader, secrets } = await startGuarded(t)
  const k = { key: 'k' }
  t.equal((await submitter.submit(formula(1), k)).statusCode, 200)
  t.match(await submitter.submit(formula(1), k), { statusCode: 200, headers: { 'idempotent-replayed': 'true' } })
  errorOf(t, await reader.submit(formula(1), k), 403, 'FORBIDDEN')
  const headers = { 'idempotency-key': 'k', 'content-type': 'application/json' }
  askedForKey(t, await send({ method: 'POST', url: '/formulas', headers, payload: formula(1) }))
  runKeysCommand(['revoke', '--id', digestOf(secrets.submit).slice(0, 12)], path, new Date())
  app.apiKeys?.reload()
  askedForKey(t, await submitter.submit(formula(1), k))
})

test('a refusal is not kept: the same key may be used once the caller may submit', async (t) => {
  const { path, app, as } = await startGuarded(t)
  const [first, second] = [newKey(path, 'lab', 'read'), newKey(path, 'lab', 'submit')]
  app.apiKeys?.reload()
  t.equal((await as(first).submit(formula(1), { key: 'k' })).statusCode, 403)
  const answer = await as(second).submit(formula(1), { key: 'k' })
  t.equal(answer.statusCode, 200)
  t.notOk('idempotent-replayed' in answer.headers)
})

test('without a file of keys nobody is asked for one, and one that is shown changes nothing', async (t) => {
  const { get, as, submit, app } = await startService(t)
  t.equal(app.apiKeys, null)
  t.equal((await get('/cleanups')).statusCode, 200)
  t.equal((await as('x').get('/cleanups')).statusCode, 200)
  await submit(formula(1), { key: 'k' })
  t.equal((await as('x').submit(formula(1), { key: 'k' })).headers['idempotent-replayed'], 'true')
})

test('a file of keys that is missing or broken stops the start', async (t) => {
  const { path } = await startGuarded(t)
  await t.rejects(startService(t, { API_KEYS_FILE: `${path}.none` }), { name: 'KeyFileRefused' })
})
