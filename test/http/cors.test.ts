import { test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { errorOf, startService } from '../support/http/service.ts'

const APP = 'https://app.example'
const CORS = { CORS_ORIGINS: `${APP} http://localhost:5173` }
const preflight = (origin: string, url = '/formulas') => ({
  method: 'OPTIONS' as const,
  url,
  headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'idempotency-key' },
})

test('a page of a listed site may submit with its key, which the preflight does not have', async (t) => {
  const { send, submitter } = await startGuarded(t, CORS)
  const allowed = await send(preflight(APP))
  t.equal(allowed.statusCode, 204)
  t.match(allowed.headers, {
    'access-control-allow-origin': APP,
    'access-control-allow-methods': /POST.*DELETE/,
    'access-control-allow-headers': 'idempotency-key',
    vary: /Origin/,
  })
  const headers = { origin: APP }
  const answer = await submitter.send({ url: '/formulas', headers })
  t.equal(answer.headers['access-control-allow-origin'], APP)
  t.match(answer.headers['access-control-expose-headers'], /Location.*Idempotent-Replayed.*Retry-After.*RateLimit/)
  const refused = await send({ url: '/formulas', headers })
  errorOf(t, refused, 401, 'UNAUTHORIZED')
  t.equal(refused.headers['access-control-allow-origin'], APP, 'so that the page can read why')
})

test('without keys a page of a listed site may change things, whatever Sec-Fetch-Site says, and no other page', async (t) => {
  const { send } = await startService(t, CORS)
  const receive = (origin: string) =>
    send({ method: 'POST', url: '/events/receive', headers: { origin, 'sec-fetch-site': 'cross-site' } })
  t.equal((await receive(APP)).statusCode, 200)
  for (const origin of ['https://evil.example', 'http://app.example', `${APP}:8443`, `${APP}.evil.example`, 'null']) {
    const refused = await receive(origin)
    errorOf(t, refused, 403, 'CROSS_SITE')
    t.notOk('access-control-allow-origin' in refused.headers, origin)
    t.notOk('access-control-allow-origin' in (await send(preflight(origin))).headers, origin)
  }
})

test('the host is checked before the site: a preflight for another host is refused', async (t) => {
  const { send } = await startService(t, CORS)
  const { headers, ...request } = preflight(APP)
  errorOf(t, await send({ ...request, headers: { ...headers, host: 'evil.example' } }), 421, 'HOST_NOT_ALLOWED')
})

test('any other OPTIONS is answered as without CORS, and Allow names the same methods', async (t) => {
  for (const env of [CORS, {}]) {
    const { send } = await startService(t, env)
    for (const headers of [{}, { origin: 'https://evil.example' }]) {
      const refused = await send({ method: 'OPTIONS', url: '/formulas', headers })
      errorOf(t, refused, 405, 'METHOD_NOT_ALLOWED')
      t.equal(refused.headers.allow, 'GET, HEAD, POST')
      errorOf(t, await send({ method: 'OPTIONS', url: '/nope', headers }), 404, 'ROUTE_NOT_FOUND')
    }
  }
})

test('with keys any site may be let in by *', async (t) => {
  const { send } = await startGuarded(t, { CORS_ORIGINS: '*' })
  t.equal((await send(preflight('https://any.example'))).headers['access-control-allow-origin'], '*')
  t.equal((await send({ method: 'OPTIONS', url: '/formulas' })).statusCode, 401, 'what is no preflight needs a key')
})

test('unless it is configured, no answer has a header of CORS', async (t) => {
  const { send } = await startService(t)
  for (const request of [preflight(APP), { url: '/formulas', headers: { origin: APP } }]) {
    t.notMatch(Object.keys((await send(request)).headers).join(), /access-control|vary/)
  }
})
