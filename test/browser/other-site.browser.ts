import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Page } from 'playwright-core'
import tap, { type Test, test } from 'tap'
import { endBrowser, visit } from '../support/browser/browser.ts'
import { type Listening, listen } from '../support/browser/services.ts'

tap.teardown(endBrowser)

const PAGE = '<!doctype html><title>Another site</title><body>'
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${PAGE.length}\r\nConnection: close\r\n\r\n${PAGE}`

/** A server of somebody else on this machine. */
interface OtherSite {
  port: number
  /** From now on, its name resolves to the service, as after DNS rebinding. */
  rebind(url: string): void
}

async function startOtherSite(t: Test): Promise<OtherSite> {
  let service: number | null = null
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    // Browsers open connections in advance: route each one when it is first used.
    socket.once('data', (first) => {
      if (service === null) return void socket.end(ANSWER)
      const onward = connect(service, '127.0.0.1')
      sockets.add(onward)
      onward.on('error', () => {})
      onward.write(first)
      socket.pipe(onward).pipe(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return {
    port: (server.address() as AddressInfo).port,
    rebind(url) {
      service = Number(new URL(url).port)
    },
  }
}

/** The requests that the service has answered, as `POST /formulas 200`. */
function answeredBy({ app }: Listening): string[] {
  const answered: string[] = []
  app.server.on('request', (request, response) => {
    response.once('finish', () => answered.push(`${request.method} ${request.url} ${response.statusCode}`))
  })
  return answered
}

/** A service with an event that is ready and one that is dead, and what can be seen of its state. */
async function startFilled(t: Test) {
  const service = await listen(t)
  await service.store('Secret Rose', 'Secret Iris')
  await service.kill(1)
  const state = async (): Promise<unknown> => {
    const ask = async (url: string) => (await service.app.inject(url)).json()
    const { oldestReadyAgeSeconds: _, ...stats } = await ask('/events/stats')
    return { stats, formulas: await ask('/formulas'), dead: await ask('/events/dead') }
  }
  const before = await state()
  t.match(before, { stats: { ready: 1, dead: 1, leased: 0 } })
  return { ...service, state, before, answered: answeredBy(service) }
}

/** Every kind of request that a page can send to another site without a CORS preflight. */
async function sendWithoutPreflight(page: Page, service: string): Promise<void> {
  await page.evaluate(`(async () => {
    const paths = ['/events/receive', '/events/dead/redrive', '/cleanups/x/retry', '/formulas', '/events/ack']
    const to = (path) => ${JSON.stringify(service)} + path
    const types = [undefined, 'text/plain', 'application/x-www-form-urlencoded']
    for (const path of paths) {
      for (const type of types) {
        const headers = type === undefined ? {} : { 'content-type': type }
        await fetch(to(path), { method: 'POST', mode: 'no-cors', headers, body: type && '{}' }).catch(() => {})
      }
      navigator.sendBeacon(to(path))
      navigator.sendBeacon(to(path), '{}')
      const frame = document.body.appendChild(Object.assign(document.createElement('iframe'), { name: 'f' }))
      const form = document.body.appendChild(Object.assign(document.createElement('form'), { target: 'f' }))
      const done = new Promise((resolve) => { frame.onload = resolve; setTimeout(resolve, 5_000) })
      Object.assign(form, { method: 'POST', action: to(path) }).submit()
      await done
      frame.remove()
      form.remove()
    }
  })()`)
}

for (const name of ['other.test', 'localhost', '127.0.0.1']) {
  test(`a page of ${name}, on a port of its own, changes nothing by what it may send without asking`, async (t) => {
    const { url, state, before, answered } = await startFilled(t)
    const { port } = await startOtherSite(t)
    const { page } = await visit(t, `http://${name}:${port}/`)
    for (const host of ['127.0.0.1', 'localhost']) {
      await sendWithoutPreflight(page, `http://${host}:${new URL(url).port}`)
    }
    for (const path of ['/events/receive', '/events/dead/redrive', '/cleanups/x/retry', '/formulas']) {
      t.ok(answered.filter((line) => line === `POST ${path} 403`).length >= 6, `${path} was reached, and refused`)
    }
    t.same(
      answered.filter((line) => line.startsWith('POST') && !line.endsWith(' 403')),
      [],
    )
    t.same(await state(), before)
  })
}

/** Sends requests from a page, or from a window it has opened, to the place it came from. @returns what came back */
const ask = (page: Page, from: 'window' | 'popup', requests: [method: string, path: string][]): Promise<string[]> =>
  page.evaluate(`Promise.all(${JSON.stringify(requests)}.map(async ([method, path]) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k' }
    const body = path === '/formulas' ? '{"name":"Planted","materials":[{"name":"x","concentration":1}]}' : '{}'
    const request = method === 'GET' ? {} : { method, headers, body }
    return ${from}.fetch(location.origin + path, request).then((answer) => answer.text(), () => 'nothing')
  }))`)

test('a page whose name has come to lead to the service neither reads nor sends anything, by a window either', async (t) => {
  const { url, state, before, answered } = await startFilled(t)
  const site = await startOtherSite(t)
  const { page } = await visit(t, `http://rebound.test:${site.port}/`)
  site.rebind(url)
  const requests: [string, string][] = [
    ['GET', '/formulas'],
    ['GET', '/metrics'],
    ['GET', '/'],
    ['GET', '/docs'],
    ['POST', '/formulas'],
    ['POST', '/events/receive'],
    ['POST', '/events/dead/redrive'],
  ]
  for (const answer of await ask(page, 'window', requests)) t.match(answer, /"code":"HOST_NOT_ALLOWED"/)
  // Chromium sends a request again that was answered with 421.
  t.ok(answered.filter((line) => line.endsWith(' 421')).length >= requests.length)
  const opened = page.waitForEvent('popup')
  await page.evaluate(`globalThis.popup = window.open('/formulas'); undefined`)
  await (await opened).waitForLoadState()
  t.match(await page.evaluate('popup.document.body.innerText'), /"code":"HOST_NOT_ALLOWED"/)
  for (const answer of await ask(page, 'popup', requests)) t.match(answer, /^nothing$|"code":"HOST_NOT_ALLOWED"/)
  t.same(
    answered.filter((line) => !line.endsWith(' 421')),
    [],
  )
  t.same(await state(), before)
})

test('a page of the service itself goes on as it did, by any name of loopback', async (t) => {
  const { url, answered } = await startFilled(t)
  for (const host of ['localhost', '127.0.0.1']) {
    const { page } = await visit(t, `http://${host}:${new URL(url).port}/`)
    const [answer] = await ask(page, 'window', [['POST', '/events/receive']])
    t.match(answer, /"events"/)
  }
  t.equal(answered.filter((line) => line === 'POST /events/receive 200').length, 2)
})
