import { setImmediate as turn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { ReceivedEvent } from '../../src/outbox/message.ts'
import { scrape } from '../support/http/scrape.ts'
import { type Answer, errorOf, formula, formulasOf, type Service, startService } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'

const eventsOf = (answer: Answer): ReceivedEvent[] => answer.json().events
const namesOf = (answer: Answer): string[] => eventsOf(answer).map(({ name }) => name)

/** Lets requests get as far as they can. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 50; turns++) await turn()
}

async function start(t: Test, env: NodeJS.ProcessEnv = {}) {
  const clock = new TestClock()
  const service = await startService(t, env, { clock })
  const put = (name: string, body?: object) =>
    service.send({ method: 'PUT', url: `/subscriptions/${name}`, ...(body && { payload: body }) })
  const remove = (name: string) => service.send({ method: 'DELETE', url: `/subscriptions/${name}` })
  const receive = (subscription: string, more: object = {}) =>
    service.post('/events/receive', { subscription, max: 100, ...more })
  const add = async (...numbers: number[]) => formulasOf(await service.submit(numbers.map((number) => formula(number))))
  return { ...service, clock, put, remove, receive, add }
}

/** Makes dead letters of all that a subscription has ready. */
async function kill(service: Pick<Service, 'post'>, subscription: string, reason?: string): Promise<void> {
  const leased = eventsOf(await service.post('/events/receive', { subscription, max: 100 }))
  const receipts = leased.map(({ receipt }) => receipt)
  await service.post('/events/nack', { receipts, ...(reason && { reason }) })
}

test('every subscription gets every event after its beginning, at its own pace', async (t) => {
  const { put, receive, add, post } = await start(t)
  await add(1)
  t.equal((await put('all', { from: 'start' })).statusCode, 201)
  t.equal((await put('new')).statusCode, 201)
  await add(2)
  t.same(namesOf(await receive('all')), ['Formula 1', 'Formula 2'])
  const [event] = eventsOf(await receive('new'))
  t.equal(event?.name, 'Formula 2')
  await post('/events/ack', { receipts: [event?.receipt] })
  t.same(namesOf(await post('/events/receive', { max: 100 })), ['Formula 1', 'Formula 2'], 'default has them all')
})

test('a subscription that is there keeps its position, whatever is asked for, and the answer shows it', async (t) => {
  const { put, receive, add, clock } = await start(t)
  await add(1)
  const createdAt = new Date(clock.now()).toISOString()
  const made = await put('erp', { from: 'start' })
  const figures = { ready: 1, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: 0 }
  t.same(made.json(), { name: 'erp', createdAt, paused: false, ...figures })
  t.same(Object.keys(made.json()), ['name', 'createdAt', 'paused', ...Object.keys(figures)])
  await receive('erp')
  clock.advance(1_000)
  const again = await put('erp', { from: 'start' })
  t.equal(again.statusCode, 200)
  t.same(again.json(), {
    name: 'erp',
    createdAt,
    paused: false,
    ...figures,
    ready: 0,
    leased: 1,
    oldestReadyAgeSeconds: null,
  })
  t.same(namesOf(await receive('erp')), [])
})

test('subscriptions are listed by name, each with its figures', async (t) => {
  const { put, receive, add, get } = await start(t)
  await put('lab')
  await put('erp')
  await add(1, 2)
  await receive('lab', { max: 1 })
  const { subscriptions } = (await get('/subscriptions')).json()
  t.match(subscriptions, [
    { name: 'default', ready: 2, leased: 0 },
    { name: 'erp', ready: 2, leased: 0 },
    { name: 'lab', ready: 1, leased: 1 },
  ])
  t.match((await get('/events/stats?subscription=lab')).json(), { ready: 1, leased: 1 })
})

const zoned = (ms: number) => new Date(ms + 3_600_000).toISOString().replace('Z', '+01:00')

test('a subscription begins at, and moves to, the first event at or after a time in any zone', async (t) => {
  const { put, receive, add, post, clock } = await start(t)
  await add(1)
  clock.advance(1_000)
  await add(2)
  const second = clock.now()
  clock.advance(1_000)
  await add(3)
  for (const [index, from] of [zoned(second), new Date(second - 999).toISOString()].entries()) {
    await put(`s${index}`, { from })
    t.same(namesOf(await receive(`s${index}`)), ['Formula 2', 'Formula 3'], from)
  }
  const moved = await post('/subscriptions/s0/seek', { to: zoned(second + 1).toLowerCase() })
  t.equal(moved.statusCode, 200)
  t.match(moved.json(), { name: 's0', ready: 1, leased: 0 })
  t.match(
    (await post('/subscriptions/s0/seek', { to: zoned(clock.now() + 1) })).json(),
    { ready: 0 },
    'the future is the end',
  )
  t.match((await post('/subscriptions/s0/seek', { to: 'start' })).json(), { ready: 3 })
  t.match((await post('/subscriptions/s0/seek', { to: 'end' })).json(), { ready: 0 })
})

test('a seek makes the receipts of what it drops stale', async (t) => {
  const { put, receive, add, post } = await start(t)
  await put('erp')
  await add(1)
  const [event] = eventsOf(await receive('erp'))
  await post('/subscriptions/erp/seek', { to: 'start' })
  const receipts = [event?.receipt]
  t.match((await post('/events/ack', { receipts })).json(), { acked: 0, rejected: [{ code: 'RECEIPT_STALE' }] })
  t.same(namesOf(await receive('erp')), ['Formula 1'])
})

test('a paused subscription hands out nothing, at once or after the wait, and its receipts stay valid', async (t) => {
  const { put, receive, add, post, clock } = await start(t)
  await put('erp')
  await add(1, 2)
  const [leased] = eventsOf(await receive('erp', { max: 1 }))
  t.match((await post('/subscriptions/erp/pause')).json(), { name: 'erp', paused: true, ready: 1, leased: 1 })
  t.same(eventsOf(await receive('erp')), [])
  const waiting = receive('erp', { waitSeconds: 5 })
  await settle()
  clock.advance(4_999)
  await settle()
  t.equal(await Promise.race([waiting, 'still waiting']), 'still waiting')
  clock.advance(1)
  t.same(eventsOf(await waiting), [])
  t.match((await post('/events/ack', { receipts: [leased?.receipt] })).json(), { acked: 1 })
  t.same(namesOf(await post('/events/receive', { max: 100 })), ['Formula 1', 'Formula 2'], 'others go on')
})

test('a resumed subscription serves those that wait at once', async (t) => {
  const { put, receive, add, post } = await start(t)
  await put('erp')
  await add(1)
  await post('/subscriptions/erp/pause')
  const waiting = receive('erp', { waitSeconds: 20 })
  await settle()
  t.match((await post('/subscriptions/erp/resume')).json(), { paused: false })
  t.same(namesOf(await waiting), ['Formula 1'])
})

test('a deleted subscription is gone with its dead letters, and each of its waiting polls gets 404 at once', async (t) => {
  const { put, remove, receive, add, get, post } = await start(t, { EVENT_MAX_RECEIVES: '1' })
  await put('erp')
  await add(1)
  await kill({ post }, 'erp')
  const waiting = [1, 2, 3].map(() => receive('erp', { waitSeconds: 20 }))
  const other = post('/events/receive', { max: 100, waitSeconds: 20 })
  await settle()
  t.same(namesOf(await other), ['Formula 1'])
  const unaffected = post('/events/receive', { waitSeconds: 20 })
  await settle()
  const removed = await remove('erp')
  t.equal(removed.statusCode, 204)
  t.equal(removed.body, '')
  for (const answer of await Promise.all(waiting)) errorOf(t, answer, 404, 'SUBSCRIPTION_NOT_FOUND')
  await add(2)
  t.same(namesOf(await unaffected), ['Formula 2'])
  await put('erp', { from: 'start' })
  t.same((await get('/events/dead?subscription=erp')).json().events, [], 'a new one of the name has nothing of it')
})

test('the default subscription cannot be deleted, and the 101st not be made', async (t) => {
  const { put, remove } = await start(t)
  errorOf(t, await remove('default'), 409, 'SUBSCRIPTION_REFUSED')
  for (let n = 1; n < 100; n++) t.equal((await put(`s${n}`)).statusCode, 201)
  errorOf(t, await put('one-more'), 409, 'SUBSCRIPTION_REFUSED')
  t.equal((await put('s99')).statusCode, 200)
  t.equal((await remove('s1')).statusCode, 204)
  t.equal((await put('one-more')).statusCode, 201)
})

test('a subscription that does not exist is a 404 on every route but the one that makes it', async (t) => {
  const { remove, receive, get, post, send } = await start(t)
  const answers = [
    await remove('none'),
    await post('/subscriptions/none/seek', { to: 'end' }),
    await post('/subscriptions/none/pause'),
    await post('/subscriptions/none/resume'),
    await receive('none'),
    await receive('none', { waitSeconds: 20 }),
    await post('/events/release', { ids: ['x'], subscription: 'none' }),
    await get('/events/stats?subscription=none'),
    await get('/events/dead?subscription=none'),
    await post('/events/dead/redrive', { subscription: 'none' }),
    await send({ method: 'DELETE', url: '/events/dead/x?subscription=none' }),
  ]
  for (const answer of answers) errorOf(t, answer, 404, 'SUBSCRIPTION_NOT_FOUND')
})

test('dead letters are those of one subscription: listed, redriven, deleted and released there alone', async (t) => {
  const { put, receive, add, get, post, send } = await start(t, { EVENT_MAX_RECEIVES: '1' })
  await put('erp')
  const [first, second] = await add(1, 2)
  await kill({ post }, 'erp')
  const deadIn = async (name: string) => eventsOf(await get(`/events/dead?subscription=${name}`)).length
  t.same([await deadIn('erp'), await deadIn('default')], [2, 0])
  errorOf(t, await send({ method: 'DELETE', url: `/events/dead/${first?.id}` }), 404, 'EVENT_NOT_FOUND')
  const url = `/events/dead/${first?.id}?subscription=erp`
  t.equal((await send({ method: 'DELETE', url })).statusCode, 204)
  t.same((await post('/events/dead/redrive')).json(), { redriven: 0 })
  t.same((await post('/events/dead/redrive', { subscription: 'erp' })).json(), { redriven: 1 })
  t.same(namesOf(await receive('erp')), ['Formula 2'])
  t.same((await post('/events/release', { ids: [second?.id] })).json(), { released: 0 })
  t.same((await post('/events/release', { ids: [second?.id], subscription: 'erp' })).json(), { released: 1 })
})

test('a dead letter shows the reason of its last nack, and null without one', async (t) => {
  const { add, get, post } = await start(t, { EVENT_MAX_RECEIVES: '2' })
  await add(1)
  await kill({ post }, 'default', 'first')
  const longest = '😀'.repeat(500)
  await kill({ post }, 'default', longest)
  await add(2)
  await kill({ post }, 'default', 'not the last')
  await kill({ post }, 'default')
  const dead = (await get('/events/dead')).json().events
  t.match(dead, [
    { name: 'Formula 2', reason: 'nacked', detail: null },
    { name: 'Formula 1', reason: 'nacked', detail: longest },
  ])
})

test('the metrics have the events of each subscription by state, and the age of what waits longest', async (t) => {
  const service = await start(t, { EVENT_MAX_RECEIVES: '1' })
  const { put, remove, receive, add, post, clock } = service
  await put('erp')
  const age = 'intake_queue_oldest_ready_age_seconds'
  t.equal((await scrape(service)).value(age, { subscription: 'erp' }), 0)
  await add(1, 2, 3, 4, 5)
  await receive('erp', { max: 1 })
  const [leased] = eventsOf(await receive('erp', { max: 1 }))
  await post('/events/nack', { receipts: [leased?.receipt] })
  clock.advance(7_000)
  const { value } = await scrape(service)
  const of = (subscription: string) =>
    ['ready', 'leased', 'delayed', 'dead'].map((state) => value('intake_queue_events', { subscription, state }))
  t.same(of('erp'), [3, 1, 0, 1])
  t.same(of('default'), [5, 0, 0, 0])
  t.equal(value(age, { subscription: 'erp' }), 7)
  await remove('erp')
  const { series } = await scrape(service)
  for (const name of ['intake_queue_events', age]) {
    t.same(new Set(series(name).map(({ labels }) => labels.subscription)), new Set(['default']), name)
  }
})

const wrong: [method: 'PUT' | 'POST' | 'DELETE' | 'GET', url: string, body: object | undefined, path: string][] = [
  ...['Erp', '-erp', '_', 'a'.repeat(65), 'a%20b', 'é'].map(
    (name) => ['PUT', `/subscriptions/${name}`, undefined, '/name'] as [method: 'PUT', url: string, undefined, string],
  ),
  ['DELETE', '/subscriptions/Erp', undefined, '/name'],
  ['PUT', '/subscriptions/erp', { from: 'now' }, '/from'],
  ['PUT', '/subscriptions/erp', { from: '2026-02-30T00:00:00Z' }, '/from'],
  ['PUT', '/subscriptions/erp', { from: '2026-01-31' }, '/from'],
  ['PUT', '/subscriptions/erp', { from: '2026-01-31T12:00:00' }, '/from'],
  ['PUT', '/subscriptions/erp', { from: 5 }, '/from'],
  ['PUT', '/subscriptions/erp', { to: 'end' }, '/to'],
  ['POST', '/subscriptions/default/seek', {}, '/to'],
  ['POST', '/events/receive', { subscription: 'Erp' }, '/subscription'],
  ['POST', '/events/receive', { include: ['name'] }, '/include/0'],
  ['POST', '/events/receive', { include: ['formula', 'formula'] }, '/include'],
  ['POST', '/events/nack', { receipts: ['x'], reason: 'x'.repeat(501) }, '/reason'],
  ['POST', '/events/nack', { receipts: ['x'], reason: 'a\nb' }, '/reason'],
  ['POST', '/events/nack', { receipts: ['x'], reason: 'half a \ud83d' }, '/reason'],
  ['GET', '/events/stats?subscription=Erp', undefined, '?subscription'],
  ['GET', '/events/dead?subscription=', undefined, '?subscription'],
  ['GET', '/subscriptions?name=erp', undefined, '?name'],
]

for (const [method, url, body, path] of wrong) {
  test(`${method} ${url.slice(0, 40)} with ${JSON.stringify(body)?.slice(0, 40)} is refused at "${path}"`, async (t) => {
    const { send, get } = await startService(t)
    const { details } = errorOf(
      t,
      await send({ method, url, ...(body && { payload: body }) }),
      400,
      'VALIDATION_FAILED',
    )
    t.match(details, [{ path, code: 'VALIDATION_FAILED' }])
    t.equal((await get('/subscriptions')).json().subscriptions.length, 1)
  })
}
