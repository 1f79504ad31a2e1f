import { test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { everyRequestLine, raw } from '../support/http/raw-request.ts'
import { errorOf, startService } from '../support/http/service.ts'
import { overload } from './fixtures.ts'

const refusedForHost = { status: 421, code: 'HOST_NOT_ALLOWED', details: [{ path: 'Host', code: 'HOST_NOT_ALLOWED' }] }

test('without keys on loopback nothing but health is answered under another name, whatever the route', async (t) => {
  const { app } = await startService(t)
  const lines = await everyRequestLine(t)
  t.ok(lines.length > 30)
  for (const line of lines) {
    const answer = await raw(app, line, 'Host: evil.example')
    if (line.startsWith('HEAD /health/')) t.equal(answer.status, 200, line)
    else if (/^GET \/health\//.test(line)) t.match(answer, { status: 200, code: undefined }, line)
    else if (line.startsWith('HEAD')) t.equal(answer.status, 421, line)
    else t.match(answer, refusedForHost, line)
    t.match(answer.head, /x-content-type-options: nosniff/i)
    t.match(answer.head, /x-request-id: /i)
  }
})

test('the names of loopback are taken, in any case and with any port', async (t) => {
  const { app } = await startService(t)
  const names = 'localhost localhost:3000 LocalHost:1 localhost:'
  const addresses = '127.0.0.1 127.0.0.1:65535 [::1] [::1]:3000 [0:0:0:0:0:0:0:1]:80'
  for (const host of `${names} ${addresses}`.split(' ')) {
    t.match(await raw(app, 'GET /formulas HTTP/1.1', `Host: ${host}`), { status: 200 }, host)
  }
})

test('whatever else a Host header may hold is refused', async (t) => {
  const { app } = await startService(t)
  const names =
    'evil.example localhost.evil.example evil.example:3000 localhost. xlocalhost lokalhost lo%63alhost formula-intake'
  const malformed =
    'localhost:x localhost:3000:3000 localhost:123456 a@localhost localhost@evil.example localhost/ localhost#'
  const addresses = '127.0.0.2 127.1 0.0.0.0 2130706433 192.168.1.5 ::1 [::1 [::] [::1]x [::ffff:127.0.0.1] :3000'
  const bad = [
    ...`${names} ${malformed} ${addresses}`.split(' '),
    'http://localhost',
    'localhost, evil',
    'local host',
    '',
  ]
  for (const host of bad) t.match(await raw(app, 'GET /formulas HTTP/1.1', `Host: ${host}`), refusedForHost, host)
})

test('a request that names no host is refused where it is compared: 1.1 and 1.0', async (t) => {
  const { app } = await startService(t)
  for (const version of ['1.0', '1.1']) t.match(await raw(app, `GET /formulas HTTP/${version}`), refusedForHost)
  t.match(await raw(app, 'GET /health/live HTTP/1.0'), { status: 200 })
  t.match(await raw(app, 'GET /formulas HTTP/1.0', 'Host: localhost'), { status: 200 })
})

test('two Host headers are a 400 wherever they are sent, and whatever they say', async (t) => {
  const guarded = await startGuarded(t)
  const open = await startService(t, { HOST: '0.0.0.0', ALLOW_ANONYMOUS: 'true' })
  for (const { app } of [await startService(t), guarded, open]) {
    for (const path of ['/formulas', '/health/live', '/', '/nope', '/formulas/%zz']) {
      for (const second of ['localhost', 'evil.example', '']) {
        const answer = await raw(app, `GET ${path} HTTP/1.1`, 'Host: localhost', `hOST: ${second}`)
        t.match(answer, { status: 400, code: 'BAD_REQUEST', details: [{ path: 'Host' }] }, `${path} ${second}`)
      }
    }
  }
})

test('a host in the request line has to be one of ours too', async (t) => {
  const { app } = await startService(t)
  const status = async (target: string) => (await raw(app, `GET ${target} HTTP/1.1`, 'Host: localhost')).status
  t.equal(await status('http://localhost:3000/formulas'), 200)
  for (const host of ['evil.example', 'localhost@evil.example', 'evil.example:3000']) {
    t.equal(await status(`http://${host}/formulas`), 421, host)
  }
})

test('the address in HOST and those in ALLOWED_HOSTS are taken as well', async (t) => {
  const env = { HOST: '127.0.0.9', ALLOWED_HOSTS: 'Formulas.Example, 192.168.1.5  ::5,' }
  const { app, get, send } = await startService(t, env)
  t.equal((await get('/formulas')).statusCode, 200)
  const status = async (host: string) => (await send({ url: '/formulas', headers: { host } })).statusCode
  for (const host of '127.0.0.9:1 formulas.example FORMULAS.EXAMPLE:8443 192.168.1.5 [::5]:80 localhost'.split(' ')) {
    t.equal(await status(host), 200, host)
  }
  for (const host of ['example', 'x.formulas.example', '192.168.1.50', '127.0.0.8'])
    t.equal(await status(host), 421, host)
  await app.close()
  const { send: sendToSix } = await startService(t, { HOST: '[::1]' })
  t.equal((await sendToSix({ url: '/formulas', headers: { host: '[::1]:3000' } })).statusCode, 200)
})

test('with keys, and on other addresses, hosts are compared only where ALLOWED_HOSTS names some', async (t) => {
  const ALLOWED_HOSTS = 'formulas.example'
  const elsewhere = { HOST: '0.0.0.0', ALLOW_ANONYMOUS: 'true' }
  const hello = { url: '/formulas', headers: { host: 'evil.example' } }
  t.equal((await (await startService(t, elsewhere)).send(hello)).statusCode, 200)
  const named = await startService(t, { ...elsewhere, ALLOWED_HOSTS })
  errorOf(t, await named.send(hello), 421, 'HOST_NOT_ALLOWED')
  t.equal((await named.send({ url: '/formulas', headers: { host: 'formulas.example:3000' } })).statusCode, 200)
  t.equal((await (await startGuarded(t)).reader.send(hello)).statusCode, 200)
  const { reader, send } = await startGuarded(t, { ALLOWED_HOSTS })
  errorOf(t, await reader.send(hello), 421, 'HOST_NOT_ALLOWED')
  errorOf(t, await send(hello), 421, 'HOST_NOT_ALLOWED')
})

test('the host comes first, then the site, then all else', async (t) => {
  const { app, send } = await startService(t, { RATE_LIMIT_PER_MINUTE: '1', ALLOWED_HOSTS: 'formulas.example' })
  overload(app)
  const post = (headers: Record<string, string>) => send({ method: 'POST', url: '/formulas', headers })
  const site = { 'sec-fetch-site': 'cross-site' }
  const type = { 'content-type': 'text/plain', expect: 'cake' }
  errorOf(t, await post({ host: 'evil.example', ...site, ...type }), 421, 'HOST_NOT_ALLOWED')
  const refused = await post({ ...site, ...type })
  errorOf(t, refused, 403, 'CROSS_SITE')
  t.notOk('ratelimit' in refused.headers, 'before requests are counted')
  const expecting = await raw(app, 'POST /formulas HTTP/1.1', 'Host: evil.example', 'Expect: cake')
  t.match(expecting, refusedForHost, 'also where Node answers by itself')
  errorOf(t, await post({}), 503, 'SERVICE_OVERLOADED')
})

test('what a trusted proxy says of the host is not believed: the Host header counts', async (t) => {
  const { send } = await startService(t, { TRUSTED_PROXIES: '127.0.0.1' })
  const headers = { host: 'evil.example', 'x-forwarded-host': 'localhost', forwarded: 'host=localhost' }
  errorOf(t, await send({ url: '/formulas', headers }), 421, 'HOST_NOT_ALLOWED')
  const own = { host: 'localhost', 'x-forwarded-host': 'evil.example' }
  t.equal((await send({ url: '/formulas', headers: own })).statusCode, 200)
})
