import { once } from 'node:events'
import { test } from 'tap'
import { formula, startService } from '../support/http/service.ts'
import { deaf, MIB, open, PAGE, startWide, wide } from '../support/http/wide-pages.ts'
import { TestClock } from '../support/test-clock.ts'
import { until } from '../support/until.ts'
import { captureLog, holdingStores, memoryStores, unavailable } from './fixtures.ts'

const HOUR_MS = 3_600_000

const head = (key: string, ...lines: string[]): string =>
  [
    'POST /formulas HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    `Idempotency-Key: ${key}`,
    ...lines,
    '\r\n',
  ].join('\r\n')

/** A body of 1 MiB without its last byte. */
const large = (key: string): string => `${head(key, `Content-Length: ${MIB}`)}${' '.repeat(MIB - 1)}`

test('large bodies that do not arrive take up half the room: small submissions are taken, and the room comes back', async (t) => {
  const service = await startService(t)
  const { app, submit } = service
  await service.app.listen({ port: 0 })
  const held = await Promise.all(Array.from({ length: 40 }, (_, index) => open(t, service, large(`held-${index}`))))
  await until(() => held.filter(({ told }) => told() !== '').length >= 16 && app.connections.bodies.taken > 22 * MIB)
  for (const { told } of held)
    t.match(told(), /^$|^HTTP\/1.1 503 .*\r\n(?:.*\r\n)*retry-after: 1\r\n(?:.*\r\n)*\r\n.*SERVICE_OVERLOADED/i)
  t.ok(app.connections.bodies.taken <= 24 * MIB)
  t.equal((await submit(formula(1))).statusCode, 200)
  for (const { socket } of held) socket.destroy()
  await until(() => app.connections.bodies.taken === 0)
  t.equal((await submit(wide(1))).statusCode, 200, 'a large one is taken again')
  t.equal(app.connections.bodies.taken, 0)
})

test('large bodies that are announced and hardly arrive shut nobody out', async (t) => {
  const service = await startService(t)
  await service.app.listen({ port: 0 })
  for (let index = 0; index < 60; index++) await open(t, service, `${head(`slow-${index}`, `Content-Length: ${MIB}`)}{`)
  await until(() => service.app.connections.bodies.taken === 60)
  t.equal((await service.submit(wide(1))).statusCode, 200)
})

test('a chunked body counts as it arrives, and is refused once there is no room for it', async (t) => {
  const service = await startService(t)
  const { bodies } = service.app.connections
  const chunk = `${(60_000).toString(16)}\r\n${' '.repeat(60_000)}\r\n`
  const chunked = head('chunked', 'Transfer-Encoding: chunked')
  const small = await open(t, service, chunked, chunk)
  await until(() => bodies.taken === 60_000)
  bodies.take(24 * MIB)
  small.socket.write(chunk)
  await until(() => small.statuses.length > 0)
  t.match(small.told(), /^HTTP\/1.1 503 .*SERVICE_OVERLOADED/s)
  bodies.give(24 * MIB)
  t.equal(bodies.taken, 0)
  const whole = JSON.stringify(formula(2))
  const taken = await open(t, service, chunked, `${whole.length.toString(16)}\r\n${whole}\r\n0\r\n\r\n`)
  await until(() => taken.statuses.length > 0)
  t.same(taken.statuses, ['200'])
  t.equal(bodies.taken, 0)
})

test('however a request ends, its body counts no more', async (t) => {
  const service = await startService(t, { BODY_LIMIT_BYTES: '100000' })
  const { app, submit, post, send } = service
  await submit(formula(1), { key: 'a' })
  await submit(formula(1), { key: 'a' })
  await submit(formula(1), { key: 'b' })
  await submit(formula(2), { key: 'a' })
  await submit('{')
  await submit(' '.repeat(100_001))
  await submit(formula(3), { key: 'no key' })
  await post('/events/ack', { receipts: [1] })
  await post('/nope', { a: 1 })
  await send({ method: 'GET', url: '/formulas', payload: 'x', headers: { 'content-type': 'text/plain' } })
  const reset = await open(t, service, `${head('r', 'Content-Length: 1000')}{`)
  await until(() => app.connections.bodies.taken === 1_000)
  reset.socket.resetAndDestroy()
  await until(() => app.connections.bodies.taken === 0)
  t.pass()
})

test('submissions that wait for their own key count as under way', async (t) => {
  const { stores, release } = holdingStores()
  const { app, submit } = await startService(t, {}, { stores })
  const same = Array.from({ length: 60 }, () => submit([formula(1), formula(2)], { key: 'same' }))
  await until(() => app.orchestrator.load.submissions === 60)
  t.equal(app.orchestrator.load.formulas, 120)
  t.ok(app.connections.bodies.taken > 60 * 100)
  release()
  t.same(new Set((await Promise.all(same)).map(({ statusCode }) => statusCode)), new Set([200]))
  t.same(app.orchestrator.load, { submissions: 0, formulas: 0 })
  t.equal(app.connections.bodies.taken, 0)
})

test('pages that nobody reads are bounded: further ones are refused, while small answers and submissions go on', async (t) => {
  const service = await startWide(t)
  const { app, get, submit } = service
  const { unread } = app.connections
  for (let client = 0; client < 20; client++) await deaf(t, service, 8)
  await until(async () => (await get('/formulas?limit=200')).statusCode === 503)
  t.match((await get('/formulas?limit=200')).json(), { code: 'SERVICE_OVERLOADED' })
  t.ok(unread.taken <= (32 + 3 * 4) * MIB, 'four are read at a time')
  const { id } = (await submit(formula(1))).json().formulas[0]
  t.equal((await get(`/formulas/${id}`)).statusCode, 200)
  t.equal((await get('/events/stats')).statusCode, 200)
})

test('an answer that is not taken in time ends its connection: sooner while there is no room for others', async (t) => {
  const service = await startWide(t)
  const { app, clock } = service
  const one = await deaf(t, service, 4)
  await until(() => app.connections.unread.taken > 0)
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await pass(115)
  t.equal(app.connections.open, 1)
  await pass(15)
  await until(() => app.connections.open === 0)
  t.equal(app.connections.unread.taken, 0)
  one.destroy()
  for (let client = 0; client < 20; client++) await deaf(t, service, 8)
  await until(async () => (await service.get('/formulas?limit=200')).statusCode === 503)
  await pass(13)
  t.equal((await service.get('/formulas?limit=200')).statusCode, 200, 'pages are read again')
})

test('an answer that is not taken in time ends its connection though the clock was set back meanwhile', async (t) => {
  const service = await startWide(t)
  const { app, clock } = service
  await deaf(t, service, 4)
  await until(() => app.connections.unread.taken > 0)
  clock.advance(60_000)
  clock.setBack(HOUR_MS)
  clock.advance(60_000)
  t.equal(app.connections.open, 1)
  clock.advance(10_000)
  await until(() => app.connections.open === 0)
})

test('a client that reads is not cut off, however many answers it has had', async (t) => {
  const service = await startWide(t)
  const { statuses } = await open(t, service)
  const reading = await open(t, service)
  for (let page = 1; page <= 5; page++) {
    reading.socket.write(PAGE)
    await until(() => reading.statuses.length === page && service.app.connections.unread.taken === 0)
    service.clock.advance(60_000)
  }
  t.same(reading.statuses, ['200', '200', '200', '200', '200'])
  t.same(statuses, [])
})

test('of requests that are sent ahead, 32 of a connection are under way; the others get 503', async (t) => {
  const stores = memoryStores()
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const list = stores.db.list.bind(stores.db)
  stores.db.list = (query) => held.then(() => list(query))
  const service = await startService(t, {}, { stores })
  const ahead = await open(t, service, PAGE.repeat(100))
  await until(
    () => (service.app.connections.entries()[Symbol.iterator]().next().value?.[1].responses.length ?? 0) === 100,
  )
  letGo()
  await until(() => ahead.statuses.length === 100)
  t.equal(ahead.statuses.filter((status) => status === '200').length, 32)
  t.equal(ahead.statuses.filter((status) => status === '503').length, 68)
  ahead.socket.write(PAGE)
  await until(() => ahead.statuses.length === 101)
  t.equal(ahead.statuses.at(-1), '200')
})

test('connections past the bound are refused with one line a second, counted, and taken again when there is room', async (t) => {
  const { lines, logger } = captureLog()
  const service = await startService(t, {}, { logger, clock: new TestClock() })
  service.app.server.maxConnections = 3
  const kept = [await open(t, service), await open(t, service), await open(t, service)]
  await until(() => service.app.connections.open === 3)
  for (let more = 0; more < 5; more++) {
    const { socket } = await open(t, service)
    await once(socket, 'close')
  }
  const metrics = (await service.get('/metrics')).body
  t.match(metrics, /^intake_connections 3$/m)
  t.match(metrics, /^intake_connections_refused_total 5$/m)
  t.equal(lines.filter(({ msg }) => String(msg).includes('A connection was refused')).length, 1)
  kept[0]?.socket.destroy()
  await until(() => service.app.connections.open === 2)
  const again = await open(t, service, PAGE)
  await until(() => again.statuses.length === 1)
  t.same(again.statuses, ['200'])
})

test('readiness is found out once at a time and holds for a second, whoever asks', async (t) => {
  const clock = new TestClock()
  const stores = memoryStores()
  let probes = 0
  stores.db.probe = async () => void probes++
  const { get } = await startService(t, {}, { stores, clock })
  await Promise.all(Array.from({ length: 50 }, () => get('/health/ready')))
  await get('/health/ready')
  t.equal(probes, 1)
  clock.advance(1_000)
  t.equal((await get('/health/ready')).statusCode, 200)
  t.equal(probes, 2)
})

test('readiness is found out anew within a second though the clock was set back', async (t) => {
  const clock = new TestClock()
  const stores = memoryStores()
  const { get } = await startService(t, {}, { stores, clock })
  t.equal((await get('/health/ready')).statusCode, 200)
  stores.db.probe = unavailable
  clock.setBack(HOUR_MS)
  await get('/health/ready')
  clock.advance(1_000)
  t.equal((await get('/health/ready')).statusCode, 503)
})

test('four pages are read at a time, and whoever waited ten seconds for a turn is refused', async (t) => {
  const clock = new TestClock()
  const stores = memoryStores()
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const list = stores.db.list.bind(stores.db)
  let reading = 0
  stores.db.list = (query) => {
    reading++
    return held.then(() => list(query))
  }
  const { get } = await startService(t, {}, { stores, clock })
  const pages = Array.from({ length: 50 }, () => get('/formulas'))
  await until(() => reading === 4)
  t.equal((await get('/health/ready')).statusCode, 200, 'a probe passes them')
  clock.advance(10_000)
  letGo()
  const statuses = (await Promise.all(pages)).map(({ statusCode }) => statusCode)
  t.equal(statuses.filter((status) => status === 200).length, 4)
  t.equal(statuses.filter((status) => status === 503).length, 46)
  t.equal((await get('/formulas')).statusCode, 200)
})
