import { test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { everyRequestLine, raw } from '../support/http/raw-request.ts'
import { errorOf, formula, type Service, startService } from '../support/http/service.ts'

const refusedForSite = { status: 403, code: 'CROSS_SITE' }
const OTHERS = [
  'Sec-Fetch-Site: cross-site',
  'Sec-Fetch-Site: same-site',
  'Origin: http://evil.example',
  'Origin: null',
]

test('without keys no page of another site changes anything, whatever the route', async (t) => {
  for (const env of [{}, { HOST: '0.0.0.0', ALLOW_ANONYMOUS: 'true' }]) {
    const { app } = await startService(t, env)
    const lines = (await everyRequestLine(t)).filter((line) => /^(POST|PUT|DELETE) /.test(line))
    t.ok(lines.length > 8)
    for (const line of [...lines, 'PUT /formulas HTTP/1.1', 'DELETE /nope HTTP/1.1', 'POST /formulas/%zz HTTP/1.1']) {
      for (const header of OTHERS) {
        const answer = await raw(app, line, 'Host: localhost:3000', header)
        t.match(answer, { ...refusedForSite, details: [{ path: header.split(':')[0] }] }, `${line} ${header}`)
      }
    }
  }
})

/** The result of a request that leases an event. */
async function receive({ app }: Service, host: string, ...headers: string[]): Promise<number> {
  return (await raw(app, 'POST /events/receive HTTP/1.1', `Host: ${host}`, ...headers)).status
}

test('a page of another site changes nothing by a request that needs no preflight', async (t) => {
  const service = await startService(t)
  await service.submit(formula(1))
  const before = (await service.get('/events/stats')).json()
  for (const header of OTHERS) t.equal(await receive(service, 'localhost', header), 403, header)
  t.match((await service.get('/events/stats')).json(), { ready: before.ready, leased: 0 })
  t.equal(await receive(service, 'localhost'), 200, 'a caller that is no browser')
})

test('pages of the service itself, and what the user types, are no other site', async (t) => {
  const service = await startService(t)
  const own: [host: string, ...headers: string[]][] = [
    ['localhost:3000', 'Origin: http://localhost:3000', 'Sec-Fetch-Site: same-origin'],
    ['localhost:3000', 'Sec-Fetch-Site: none'],
    ['LOCALHOST:3000', 'Origin: http://localhost:3000'],
    ['[::1]:3000', 'Origin: http://[::1]:3000'],
    ['localhost', 'Origin: http://localhost'],
    ['localhost:80', 'Origin: http://localhost'],
    ['localhost', 'Origin: https://localhost'],
    ['localhost:443', 'Origin: https://localhost'],
  ]
  for (const headers of own) t.equal(await receive(service, ...headers), 200, headers.join())
})

test('another port, another scheme than the web, and what is no origin are other sites', async (t) => {
  const service = await startService(t)
  const others: [host: string, origin: string][] = [
    ['localhost:3000', 'http://localhost:3001'],
    ['localhost:3000', 'http://localhost'],
    ['localhost:80', 'https://localhost'],
    ['localhost:3000', 'http://127.0.0.1:3000'],
    ['localhost:3000', 'http://localhost.evil.example:3000'],
    ['localhost:3000', 'capacitor://localhost:3000'],
    ['localhost:3000', 'http://localhost:3000, http://evil.example'],
    ['localhost:3000', 'http://localhost:3000@evil.example'],
    ['localhost:3000', 'localhost:3000'],
    ['localhost:3000', ''],
  ]
  for (const [host, origin] of others) t.equal(await receive(service, host, `Origin: ${origin}`), 403, origin)
  t.equal(await receive(service, 'localhost', 'Origin: http://localhost', 'Origin: http://localhost'), 403)
})

test('behind a proxy with a name of its own, the pages under that name are ours where ALLOWED_HOSTS has it', async (t) => {
  const service = await startService(t, { ALLOWED_HOSTS: 'formulas.example' })
  const page = 'Origin: https://formulas.example:8443'
  t.equal(await receive(service, '127.0.0.1:3000', page, 'Sec-Fetch-Site: same-origin'), 200)
  t.equal(await receive(service, '127.0.0.1:3000', page), 200)
  t.equal(await receive(service, '127.0.0.1:3000', page, 'Sec-Fetch-Site: cross-site'), 403)
  t.equal(await receive(service, '127.0.0.1:3000', 'Origin: https://x.formulas.example'), 403)
})

test('with keys another site may send what it likes: it has no key', async (t) => {
  const { consumer, send } = await startGuarded(t)
  const request = { method: 'POST', url: '/events/receive', headers: { origin: 'http://evil.example' } } as const
  t.equal((await consumer.send(request)).statusCode, 200)
  errorOf(t, await send(request), 401, 'UNAUTHORIZED')
})

test('reading is left to the browser, which shows no answer to another site', async (t) => {
  const { send } = await startService(t)
  const { statusCode, headers } = await send({ url: '/formulas', headers: { origin: 'http://evil.example' } })
  t.equal(statusCode, 200)
  t.notOk('access-control-allow-origin' in headers)
})
