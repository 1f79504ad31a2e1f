import { test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { errorOf, startService } from '../support/http/service.ts'

/** The headers of answers that are not pages. */
const FOR_DATA = { 'content-security-policy': "default-src 'none';frame-ancestors 'none'", 'x-frame-options': 'DENY' }
const SHEET = '/docs/static/swagger-ui.css'

test('the page shows the document, and loads nothing but its own files', async (t) => {
  const { get } = await startService(t)
  for (const path of ['/docs', '/docs/']) {
    const page = await get(path)
    t.equal(page.statusCode, 200)
    t.match(page.headers['content-type'], 'text/html')
    const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url as string)
    t.ok(loaded.length > 4)
    for (const url of loaded) {
      t.match(url, /^\./, 'it is relative: a proxy may have the page under a path of its own')
      const { pathname } = new URL(url, `http://localhost${path}`)
      t.match(pathname, /^\/docs\/static\//)
      t.equal((await get(pathname)).statusCode, 200, url)
    }
  }
  t.match((await get('/docs/static/swagger-initializer.js')).body, "resolveUrl('./json')")
})

test('the page shows the document of /openapi.json, and both say where the service is relative to themselves', async (t) => {
  const { get } = await startService(t)
  const [own, shown] = [(await get('/openapi.json')).json(), (await get('/docs/json')).json()]
  t.same({ ...shown, servers: own.servers }, own)
  for (const [path, { servers }] of [
    ['openapi.json', own],
    ['docs/json', shown],
  ]) {
    t.equal(new URL(servers[0].url, `http://localhost/intake/${path}`).pathname, '/intake/')
  }
})

test('the page may run its own scripts only, none of them within it, and nobody may frame it', async (t) => {
  const { get } = await startService(t)
  const { headers, body } = await get('/docs')
  t.match(headers, {
    'content-security-policy': /^default-src 'none';script-src 'self';style-src 'self';.*frame-ancestors 'none'$/,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  })
  t.notMatch(headers['content-security-policy'], 'unsafe')
  t.notMatch(body, /<script(?![^>]* src=)|<style| on\w+=| style=/)
})

test('what belongs to the page is kept by a browser, asked for again each time, and by nobody else', async (t) => {
  const { get, send } = await startService(t)
  for (const url of ['/docs', SHEET, '/docs/json']) {
    t.equal((await get(url)).headers['cache-control'], 'private, no-cache', url)
  }
  const { etag } = (await get(SHEET)).headers
  t.equal((await send({ url: SHEET, headers: { 'if-none-match': String(etag) } })).statusCode, 304)
})

test('where keys are in use the page and all it loads ask for one with the scope admin', async (t) => {
  const { get, reader, admin } = await startGuarded(t)
  for (const url of ['/docs', '/docs/', '/docs/json', '/docs/yaml', SHEET, '/docs/static/nope']) {
    const refused = errorOf(t, await get(url), 401, 'UNAUTHORIZED')
    t.ok(refused)
    errorOf(t, await reader.get(url), 403, 'FORBIDDEN')
    t.match((await admin.get(url)).statusCode, url.endsWith('nope') ? 404 : 200, url)
  }
})

test('what the page has not is told in the one shape, and looked for nowhere else', async (t) => {
  const { get } = await startService(t)
  const outside = ['../package.json', '%2e%2e/index.js', '..%2findex.js', '..%5cindex.js', '%2fetc%2fpasswd']
  for (const path of ['nope', '.git', '%00', ...outside]) {
    const answer = await get(`/docs/static/${path}`)
    const { status, code } = answer.json()
    t.match(`${status} ${code}`, /^(404 ROUTE_NOT_FOUND|400 BAD_REQUEST)$/, path)
    t.match(answer.headers, FOR_DATA, path)
  }
})

test('a range or a condition that cannot be met is the fault of the request, not of the service', async (t) => {
  const { send } = await startService(t)
  for (const headers of [{ range: 'bytes=99999999-' }, { 'if-match': '"x"' }] as Record<string, string>[]) {
    errorOf(t, await send({ url: SHEET, headers }), 400, 'BAD_REQUEST')
  }
})
