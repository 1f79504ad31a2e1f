import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { setImmediate as settle } from 'node:timers/promises'
import inject from 'light-my-request'
import { type Test, test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { formula, type Service, startService } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'
import { holdingStores, memoryStores } from './fixtures.ts'

interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: { code?: string; events?: object[] }
}

/** A client that keeps its one connection open. */
async function connectTo(t: Test, { app }: Service) {
  await app.listen({ port: 0 })
  const { port } = app.server.address() as { port: number }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const send = (method: string, path: string, body?: object, headers = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const call = request({ agent, port, method, path, headers: { ...type, ...headers } }, async (answer) => {
      const text = (await answer.toArray()).join('')
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: JSON.parse(text) })
    })
    call.on('error', reject).end(body && JSON.stringify(body))
    return { promise, call }
  }
  return { send, port }
}

/** A service on a stopped clock, and the number of waiting consumers, counted by their timers. */
async function startWaiting(t: Test) {
  const clock = new TestClock()
  const service = await startService(t, {}, { clock })
  const { send, port } = await connectTo(t, service)
  const timers = clock.waiting
  const someoneWaits = () => until(() => clock.waiting > timers)
  const nobodyWaits = () => until(() => clock.waiting === timers)
  return { ...service, send, port, clock, someoneWaits, nobodyWaits }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await settle()
}

test('a long poll is answered as soon as a formula is submitted', async (t) => {
  const { submit, send, someoneWaits } = await startWaiting(t)
  const { promise } = send('POST', '/events/receive', { waitSeconds: 20 })
  await someoneWaits()
  await submit(formula(1))
  t.match(await promise, { status: 200, body: { events: [{ name: 'Formula 1' }] } })
})

test('a long poll ends at once with a 503 when the service closes, and its connection with it', async (t) => {
  const { app, send, someoneWaits } = await startWaiting(t)
  const { promise } = send('POST', '/events/receive', { waitSeconds: 20 })
  await someoneWaits()
  const began = Date.now()
  const closed = app.close()
  const { status, headers, body } = await promise
  t.match({ status, code: body.code }, { status: 503, code: 'SERVICE_STOPPING' })
  t.match(headers, { 'retry-after': '1', connection: 'close' })
  await closed
  t.ok(Date.now() - began < 5000)
})

test('a consumer that hangs up while it waits leaves the events to others', async (t) => {
  const { submit, get, send, someoneWaits, nobodyWaits } = await startWaiting(t)
  const { promise, call } = send('POST', '/events/receive', { waitSeconds: 20 })
  const hungUp = t.rejects(promise)
  await someoneWaits()
  call.destroy()
  await hungUp
  await nobodyWaits()
  await submit(formula(1))
  t.match((await get('/events/stats')).json(), { ready: 1, leased: 0 })
})

test('a consumer that hangs up ends the long polls that it pipelined as well', async (t) => {
  const { port, clock, someoneWaits, nobodyWaits } = await startWaiting(t)
  const consumer = connect(port, '127.0.0.1')
  const poll = 'POST /events/receive HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n'
  consumer.write(`${poll}Content-Length: 18\r\n\r\n{"waitSeconds":20}`)
  await someoneWaits()
  const timersOfOne = clock.waiting
  consumer.write(`${poll}Content-Length: 18\r\n\r\n{"waitSeconds":20}`)
  await until(() => clock.waiting > timersOfOne)
  consumer.destroy()
  await nobodyWaits()
})

test('a submission whose client hangs up is stored all the same', async (t) => {
  const { stores, entered, release } = holdingStores()
  const service = await startService(t, {}, { stores })
  const { send } = await connectTo(t, service)
  const { promise, call } = send('POST', '/formulas', formula(1), { 'idempotency-key': 'abc' })
  const hungUp = t.rejects(promise)
  await entered
  call.destroy()
  await hungUp
  release()
  await until(async () => (await service.get('/formulas')).json().formulas.length === 1)
})

test('a submission whose client hangs up between two tries is tried again all the same', async (t) => {
  const clock = new TestClock()
  const stores = memoryStores(clock)
  const accept = stores.intake.accept.bind(stores.intake)
  const failed = Promise.withResolvers<void>()
  stores.intake.accept = async () => {
    stores.intake.accept = accept
    failed.resolve()
    throw new StoreUnavailable('down for a moment')
  }
  const service = await startService(t, { SUBMIT_RETRY_BASE_MS: '1000' }, { stores, clock, random: () => 0.5 })
  const { send } = await connectTo(t, service)
  const left = Promise.withResolvers<void>()
  service.app.server.once('connection', (socket) => socket.once('end', left.resolve))
  const { promise, call } = send('POST', '/formulas', formula(1), { 'idempotency-key': 'abc' })
  const hungUp = t.rejects(promise)
  await failed.promise
  call.destroy()
  await hungUp
  await left.promise
  clock.advance(500)
  const again = await service.submit(formula(1), { key: 'abc' })
  t.equal(again.statusCode, 200)
  t.equal(again.headers['idempotent-replayed'], 'true', 'the first one went on')
})

test('while a submission finishes, other requests are refused but for the liveness check', async (t) => {
  const { stores, entered, release } = holdingStores()
  const service = await startService(t, {}, { stores })
  const { send } = await connectTo(t, service)
  const running = send('POST', '/formulas', formula(1), { 'idempotency-key': 'abc' }).promise
  await entered
  const closed = service.app.close()
  await settle()
  // Connections are no longer accepted: these arrive as on one that was open before.
  const late = (url: string) => inject((request, reply) => service.app.routing(request, reply), { url })
  for (const url of ['/health/ready', '/formulas', '/nope']) {
    const { statusCode, headers, body } = await late(url)
    t.match({ statusCode, headers }, { statusCode: 503, headers: { connection: 'close' } })
    t.match(JSON.parse(body), { code: 'SERVICE_STOPPING' })
  }
  t.equal((await late('/health/live')).statusCode, 200)
  release()
  t.match(await running, { status: 200, headers: { connection: 'close' } })
  await closed
})
