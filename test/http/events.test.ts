import { type Test, test } from 'tap'
import type { EventMessage, ReceivedEvent } from '../../src/outbox/message.ts'
import { events, NOON, TRACEPARENT } from '../contract/submissions.ts'
import { type Answer, errorOf, formula, formulasOf, type Service, startService } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'

const eventsOf = (answer: Answer): ReceivedEvent[] => answer.json().events
const deadOf = (answer: Answer): EventMessage[] => answer.json().events

async function startWithEvents(t: Test, count: number, env: NodeJS.ProcessEnv = {}) {
  const clock = new TestClock()
  const service = await startService(t, env, { clock })
  const list = Array.from({ length: count }, (_, index) => formula(index + 1))
  const formulas = formulasOf(await service.submit(list))
  return { ...service, clock, formulas }
}

const receive = async ({ post }: Service, body?: object) => eventsOf(await post('/events/receive', body))

/** Leases and nacks every event once; with a limit of one receive they become dead letters. */
async function killAll(service: Service): Promise<void> {
  const receipts = (await receive(service, { max: 100 })).map(({ receipt }) => receipt)
  await service.post('/events/nack', { receipts })
}

test('one submission publishes one event for each formula, received first in, first out', async (t) => {
  const service = await startWithEvents(t, 3)
  const [first] = await receive(service)
  const { id, name, createdAt } = service.formulas[0] ?? {}
  const leasedUntil = new Date(service.clock.now() + 30_000).toISOString()
  t.match(first, { id, name, createdAt, receiveCount: 1, leasedUntil })
  t.same(Object.keys(first ?? {}), ['id', 'name', 'createdAt', 'receipt', 'receiveCount', 'leasedUntil'])
  const rest = await receive(service, { max: 100, leaseSeconds: 60 })
  t.same(
    rest.map((event) => event.name),
    ['Formula 2', 'Formula 3'],
  )
  t.same(await receive(service, {}), [])
})

test('events and dead letters have the traceparent of their submission; without one the field is absent', async (t) => {
  const service = await startWithEvents(t, 1, { EVENT_MAX_RECEIVES: '1' })
  await service.app.queue.release('traced', events('t', NOON, TRACEPARENT))
  const tracesOf = (list: EventMessage[]) => list.map((event) => ('traceparent' in event ? event.traceparent : 'none'))
  const leased = await receive(service, { max: 10 })
  t.same(tracesOf(leased), ['none', TRACEPARENT])
  await service.post('/events/nack', { receipts: leased.map(({ receipt }) => receipt) })
  t.same(tracesOf(deadOf(await service.get('/events/dead'))), [TRACEPARENT, 'none'])
})

test('an acknowledged event is gone; its receipt is stale the second time', async (t) => {
  const service = await startWithEvents(t, 1)
  const [event] = await receive(service)
  const receipts = [event?.receipt, 'unknown']
  const first = await service.post('/events/ack', { receipts })
  t.same(first.json(), { acked: 1, rejected: [{ receipt: 'unknown', code: 'RECEIPT_STALE' }] })
  const again = await service.post('/events/ack', { receipts: [event?.receipt] })
  t.same(again.json(), { acked: 0, rejected: [{ receipt: event?.receipt, code: 'RECEIPT_STALE' }] })
})

test('an event that is given back comes again, at once or after its delay', async (t) => {
  const service = await startWithEvents(t, 1)
  const [first] = await receive(service)
  t.same((await service.post('/events/nack', { receipts: [first?.receipt] })).json(), { nacked: 1, rejected: [] })
  const [second] = await receive(service)
  t.equal(second?.receiveCount, 2)
  await service.post('/events/nack', { receipts: [second?.receipt], delaySeconds: 5 })
  t.same(await receive(service), [])
  t.match((await service.get('/events/stats')).json(), { ready: 0, delayed: 1 })
  service.clock.advance(5000)
  t.equal((await receive(service))[0]?.receiveCount, 3)
})

test('a lease can be extended, and the answer has its new end', async (t) => {
  const service = await startWithEvents(t, 1)
  const [event] = await receive(service, { leaseSeconds: 1 })
  const extended = await service.post('/events/extend', { receipts: [event?.receipt, 'x'], leaseSeconds: 60 })
  const leasedUntil = new Date(service.clock.now() + 60_000).toISOString()
  t.same(extended.json(), { extended: 1, leasedUntil, rejected: [{ receipt: 'x', code: 'RECEIPT_STALE' }] })
  service.clock.advance(30_000)
  t.same(await receive(service), [])
  const none = await service.post('/events/extend', { receipts: ['x'], leaseSeconds: 60 })
  t.equal(none.json().leasedUntil, null)
})

test('a lease lasts EVENT_LEASE_SECONDS unless the consumer says otherwise', async (t) => {
  const service = await startWithEvents(t, 1, { EVENT_LEASE_SECONDS: '7' })
  await receive(service)
  service.clock.advance(6999)
  t.same(await receive(service), [])
  service.clock.advance(1)
  t.equal((await receive(service)).length, 1)
})

test('a lease may be as long as EVENT_MAX_LEASE_SECONDS, and no longer', async (t) => {
  const service = await startWithEvents(t, 1, { EVENT_MAX_LEASE_SECONDS: '60' })
  const tooLong = async (url: string, body: object) => {
    const { details } = errorOf(t, await service.post(url, body), 400, 'VALIDATION_FAILED')
    t.match(details, [{ path: '/leaseSeconds', code: 'VALIDATION_FAILED', message: /60$/ }])
  }
  await tooLong('/events/receive', { leaseSeconds: 61 })
  const [event] = await receive(service, { leaseSeconds: 60 })
  t.equal(event?.leasedUntil, new Date(service.clock.now() + 60_000).toISOString())
  await tooLong('/events/extend', { receipts: [event?.receipt], leaseSeconds: 61 })
  const extended = await service.post('/events/extend', { receipts: [event?.receipt], leaseSeconds: 60 })
  t.match(extended.json(), { extended: 1 })
  t.equal((await service.post('/events/nack', { receipts: [event?.receipt], delaySeconds: 61 })).statusCode, 200)
})

test('an operator releases leased events, and a waiting consumer receives them at once', async (t) => {
  const service = await startWithEvents(t, 3)
  const [kept, other] = await receive(service, { max: 3, leaseSeconds: 43_200 })
  const waiting = receive(service, { max: 3, waitSeconds: 20 })
  const ids = [service.formulas[2]?.id, service.formulas[0]?.id, service.formulas[0]?.id, 'unknown']
  t.same((await service.post('/events/release', { ids })).json(), { released: 2 })
  t.match(await waiting, [
    { name: 'Formula 1', receiveCount: 1 },
    { name: 'Formula 3', receiveCount: 1 },
  ])
  const acked = await service.post('/events/ack', { receipts: [kept?.receipt, other?.receipt] })
  t.same(acked.json(), { acked: 1, rejected: [{ receipt: kept?.receipt, code: 'RECEIPT_STALE' }] })
})

test('the stats count events by state and tell the age of the oldest that is ready', async (t) => {
  const service = await startWithEvents(t, 3)
  service.clock.advance(2500)
  await receive(service)
  t.same((await service.get('/events/stats')).json(), {
    ready: 2,
    leased: 1,
    delayed: 0,
    dead: 0,
    oldestReadyAgeSeconds: 2.5,
  })
})

test('dead letters are listed page by page, the last to die first', async (t) => {
  const service = await startWithEvents(t, 3, { EVENT_MAX_RECEIVES: '1' })
  await killAll(service)
  const page = await service.get('/events/dead?limit=2')
  const [first] = deadOf(page)
  t.same(Object.keys(first ?? {}), ['id', 'name', 'createdAt', 'receiveCount', 'diedAt', 'reason', 'detail'])
  t.match(first, { receiveCount: 1, reason: 'nacked', diedAt: new Date(service.clock.now()).toISOString() })
  const rest = await service.get(`/events/dead?cursor=${page.json().nextCursor}`)
  t.equal(rest.json().nextCursor, null)
  t.equal(new Set([...deadOf(page), ...deadOf(rest)].map(({ id }) => id)).size, 3)
})

test('dead letters are redriven by id, none for an empty list, and all without one', async (t) => {
  const service = await startWithEvents(t, 3, { EVENT_MAX_RECEIVES: '1' })
  await killAll(service)
  const redrive = async (body?: object) => (await service.post('/events/dead/redrive', body)).json()
  t.same(await redrive({ ids: [] }), { redriven: 0 })
  t.same(await redrive({ ids: [service.formulas[0]?.id, 'unknown'] }), { redriven: 1 })
  t.same(await redrive(), { redriven: 2 })
  t.same(
    (await receive(service, { max: 100 })).map(({ receiveCount }) => receiveCount),
    [1, 1, 1],
  )
})

test('a dead letter can be deleted once', async (t) => {
  const service = await startWithEvents(t, 1, { EVENT_MAX_RECEIVES: '1' })
  await killAll(service)
  const url = `/events/dead/${service.formulas[0]?.id}`
  const deleted = await service.send({ method: 'DELETE', url })
  t.equal(deleted.statusCode, 204)
  t.equal(deleted.body, '')
  errorOf(t, await service.send({ method: 'DELETE', url }), 404, 'EVENT_NOT_FOUND')
})

const wrong: [url: string, body: unknown, path: string][] = [
  ['/events/receive', { max: 0 }, '/max'],
  ['/events/receive', { max: 101 }, '/max'],
  ['/events/receive', { max: '1' }, '/max'],
  ['/events/receive', { waitSeconds: 21 }, '/waitSeconds'],
  ['/events/receive', { waitSeconds: 0.5 }, '/waitSeconds'],
  ['/events/receive', { leaseSeconds: 43_201 }, '/leaseSeconds'],
  ['/events/receive', { leaseSeconds: null }, '/leaseSeconds'],
  ['/events/receive', { 'a/b': 1 }, '/a~1b'],
  ['/events/receive', [], ''],
  ['/events/ack', undefined, ''],
  ['/events/ack', {}, '/receipts'],
  ['/events/ack', { receipts: [] }, '/receipts'],
  ['/events/ack', { receipts: Array(101).fill('x') }, '/receipts'],
  ['/events/ack', { receipts: [5] }, '/receipts/0'],
  ['/events/ack', { receipts: ['x'.repeat(201)] }, '/receipts/0'],
  ['/events/nack', { receipts: ['x'], delaySeconds: -1 }, '/delaySeconds'],
  ['/events/extend', { receipts: ['x'] }, '/leaseSeconds'],
  ['/events/dead/redrive', { ids: Array(1001).fill('x') }, '/ids'],
  ['/events/dead/redrive', { ids: 'all' }, '/ids'],
  ['/events/release', undefined, ''],
  ['/events/release', {}, '/ids'],
  ['/events/release', { ids: [] }, '/ids'],
  ['/events/release', { ids: Array(1001).fill('x') }, '/ids'],
  ['/events/release', { ids: [''] }, '/ids/0'],
  ['/events/release', { ids: ['x'], subscription: '' }, '/subscription'],
]

for (const [url, body, path] of wrong) {
  test(`POST ${url} with ${JSON.stringify(body)?.slice(0, 40)} is refused at "${path}"`, async (t) => {
    const { post } = await startService(t)
    const { details } = errorOf(t, await post(url, body), 400, 'VALIDATION_FAILED')
    t.equal(details.length, 1)
    t.match(details[0], { path, code: 'VALIDATION_FAILED' })
  })
}
