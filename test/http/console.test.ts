import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { errorOf, startService } from '../support/http/service.ts'

const FOLDER = join(import.meta.dirname, '../../console')

test('the console is one page at /, under a policy of its own that lets no script in but its files', async (t) => {
  const { get } = await startService(t)
  const page = await get('/')
  t.equal(page.statusCode, 200)
  t.equal(page.headers['content-type'], 'text/html; charset=utf-8')
  t.equal(
    page.headers['content-security-policy'],
    "default-src 'none';script-src 'self';style-src 'self';connect-src 'self';img-src 'self' data:;" +
      "font-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  )
  t.match(page.headers, { 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff' })
  t.match(page.headers, { 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin' })
  t.notMatch(page.body, /<script(?![^>]* src=)|<style|style=| on\w+=/, 'nothing is inline')
  t.notMatch(page.body, /https?:|(?:src|href)="\//, 'it asks nobody else, and works under any path of a proxy')
})

test('all that the page names, and all that its files import, is served with its type', async (t) => {
  const { get } = await startService(t)
  const named = [...(await get('/')).body.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => `/${path}`)
  t.ok(named.length >= 8)
  const types: Record<string, RegExp> = {
    js: /javascript/,
    css: /^text\/css/,
    svg: /^image\/svg\+xml/,
    woff2: /^font\/woff2/,
  }
  const seen = new Set<string>()
  for (const path of named) {
    if (seen.has(path)) continue
    seen.add(path)
    const { statusCode, headers, body } = await get(path)
    t.equal(statusCode, 200, path)
    t.match(headers['content-type'], types[path.split('.').at(-1) ?? ''])
    if (path.endsWith('.css') || !path.includes('/vendor/')) {
      for (const [, target = ''] of body.matchAll(/(?:from '|url\()(\.[^')]+)/g)) named.push(join(path, '..', target))
    }
  }
  const own = globSync('**/*.{js,css,svg}', { cwd: FOLDER }).map((path) => `/console/${path}`)
  t.same(
    own.filter((path) => !seen.has(path)),
    [],
    'and nothing lies there unused',
  )
})

test('the page is light: less than 230 kB, 95 kB where a proxy compresses it, and 105 kB of fonts for Latin text', async (t) => {
  const { get } = await startService(t)
  const own = globSync('**/*.{html,js,css,svg}', { cwd: FOLDER }).filter((path) => path !== 'index.html')
  const vendor = ['htm-preact.js', 'uplot.js'].map((name) => `vendor/${name}`)
  const paths = ['/', ...[...own, ...vendor].map((path) => `/console/${path}`)]
  const answers = await Promise.all(paths.map((path) => get(path)))
  const sizeOf = (parts: Buffer[]) => parts.reduce((sum, { length }) => sum + length, 0)
  const files = answers.map(({ rawPayload }) => rawPayload)
  const [plain, compressed] = [sizeOf(files), sizeOf(files.map((file) => gzipSync(file)))]
  t.ok(plain < 230_000, `${plain} bytes`)
  t.ok(compressed < 95_000, `${compressed} bytes compressed`)
  const latin = ['inter', 'source-serif-4'].flatMap((name) => [
    `${name}/wght.css`,
    `${name}/files/${name}-latin-wght-normal.woff2`,
  ])
  const fonts = await Promise.all(latin.map((path) => get(`/console/vendor/${path}`)))
  const weight = sizeOf(fonts.map(({ rawPayload }) => rawPayload))
  t.ok(weight < 105_000, `${weight} bytes of fonts`)
})

test('a browser asks again for what it has, and gets it only when it is another', async (t) => {
  const { send } = await startService(t)
  for (const url of ['/', '/console/main.js', '/console/vendor/uplot.js']) {
    const { headers } = await send({ url })
    t.equal(headers['cache-control'], 'no-cache')
    const again = await send({ url, headers: { 'if-none-match': String(headers.etag) } })
    t.equal(again.statusCode, 304)
    t.equal(again.body, '')
    const head = await send({ method: 'HEAD', url })
    t.same([head.statusCode, head.body, head.headers.etag], [200, '', headers.etag])
  }
})

test('only files of the console are served: no other, whatever the path', async (t) => {
  const { get } = await startService(t)
  const unknown = ['nope.js', '', 'views', 'index.html', 'tsconfig.json', 'vendor/uplot.d.ts', '/main.js']
  const above = ['../package.json', '..%2fpackage.json', '%2e%2e/package.json', 'vendor/..%2f..%2f..%2fpackage.json']
  const odd = ['..%5cpackage.json', '%00main.js', './main.js%00.css', '/etc/passwd']
  for (const path of [...unknown, ...above, ...odd]) errorOf(t, await get(`/console/${path}`), 404, 'ROUTE_NOT_FOUND')
  errorOf(t, await get('/console'), 404, 'ROUTE_NOT_FOUND')
})

test('the page and its files are read, not written', async (t) => {
  const { send } = await startService(t)
  for (const url of ['/', '/console/main.js']) {
    for (const method of ['POST', 'PUT', 'DELETE'] as const) {
      const answer = await send({ method, url })
      errorOf(t, answer, 405, 'METHOD_NOT_ALLOWED')
      t.same(String(answer.headers.allow).split(', ').sort(), ['GET', 'HEAD'])
    }
  }
})

test('where keys are in use the page needs none: it holds no data, and asks for the key itself', async (t) => {
  const { get } = await startGuarded(t)
  const page = await get('/')
  t.equal(page.statusCode, 200)
  t.equal(page.body, readFileSync(join(FOLDER, 'index.html'), 'utf8'))
  t.equal((await get('/console/main.js')).statusCode, 200)
  errorOf(t, await get('/console/nope.js'), 404, 'ROUTE_NOT_FOUND')
  errorOf(t, await get('/formulas'), 401, 'UNAUTHORIZED')
})
