import { type Test, test } from 'tap'
import { eraseFormula } from '../contract/submissions.ts'
import { startGuarded } from '../support/http/keys.ts'
import { type Answer, type Client, errorOf, formula, formulasOf } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'

/** A service with keys and a second subscription `erp`, and the ids of its formulas. */
async function start(t: Test, count: number, env: NodeJS.ProcessEnv = {}) {
  const clock = new TestClock()
  const service = await startGuarded(t, env, { clock })
  await service.admin.send({ method: 'PUT', url: '/subscriptions/erp' })
  const list = Array.from({ length: count }, (_, index) => formula(index + 1))
  const ids = formulasOf(await service.submitter.submit(list)).map(({ id }) => id)
  const later = (ms: number) => new Date(clock.now() + ms).toISOString()
  return { ...service, clock, ids, later }
}

const receive = async ({ post }: Client, body: object): Promise<string[]> =>
  (await post('/events/receive', body)).json().events.map(({ receipt }: { receipt: string }) => receipt)

const idsIn = (answer: Answer): string[] => answer.json().events.map(({ id }: { id: string }) => id)

test('an operator sees which events are ready, leased and delayed', async (t) => {
  const { admin, consumer, ids, later } = await start(t, 4)
  const [, second] = await receive(consumer, { max: 2, leaseSeconds: 60 })
  await consumer.post('/events/nack', { receipts: [second], delaySeconds: 10 })
  const { events, nextCursor } = (await admin.get('/events')).json()
  t.same(nextCursor, null)
  t.same(Object.keys(events[0]), ['id', 'name', 'createdAt', 'receiveCount', 'dueAt'])
  t.match(events, [
    { id: ids[2], name: 'Formula 3', createdAt: later(0), receiveCount: 0, dueAt: null },
    { id: ids[3] },
  ])
  t.match((await admin.get('/events?state=leased')).json().events, [
    { id: ids[0], receiveCount: 1, dueAt: later(60_000) },
  ])
  t.match((await admin.get('/events?state=delayed')).json().events, [
    { id: ids[1], receiveCount: 1, dueAt: later(10_000) },
  ])
  t.equal(idsIn(await admin.get('/events?subscription=erp')).length, 4)
})

test('events are listed page by page, and a cursor is for its subscription and state', async (t) => {
  const { admin, consumer, ids } = await start(t, 3)
  const page = await admin.get('/events?limit=2')
  t.same(idsIn(page), ids.slice(0, 2))
  const cursor: string = page.json().nextCursor
  const rest = await admin.get(`/events?limit=2&cursor=${cursor}`)
  t.same([idsIn(rest), rest.json().nextCursor], [ids.slice(2), null])
  await receive(consumer, { max: 2 })
  const leased = (await admin.get('/events?state=leased&limit=1')).json().nextCursor
  t.same(idsIn(await admin.get(`/events?state=leased&cursor=${leased}`)), [ids[1]])
  const short = Buffer.from('events:default:ready:1').toString('base64url')
  for (const query of [`subscription=erp&cursor=${cursor}`, `cursor=${leased}`, `cursor=${short}`, 'cursor=x']) {
    errorOf(t, await admin.get(`/events?${query}`), 400, 'CURSOR_INVALID')
  }
  errorOf(t, await admin.get(`/events/dead?cursor=${cursor}`), 400, 'CURSOR_INVALID')
})

test('events of an unknown subscription are 404, of an unknown state 400', async (t) => {
  const { admin } = await start(t, 1)
  errorOf(t, await admin.get('/events?subscription=none'), 404, 'SUBSCRIPTION_NOT_FOUND')
  for (const query of ['state=dead', 'state=', 'limit=0', 'limit=201', 'colour=red']) {
    errorOf(t, await admin.get(`/events?${query}`), 400, 'VALIDATION_FAILED')
  }
})

test("an operator sees where a formula's event stands in each subscription", async (t) => {
  const { admin, consumer, ids, later } = await start(t, 1, { EVENT_MAX_RECEIVES: '1' })
  await admin.send({ method: 'PUT', url: '/subscriptions/late' })
  const url = `/formulas/${ids[0]}/deliveries`
  const none = { diedAt: null, reason: null, detail: null }
  const late = { subscription: 'late', state: 'done', receiveCount: null, dueAt: null, ...none }
  const [receipt] = await receive(consumer, { leaseSeconds: 60 })
  t.same((await admin.get(url)).json(), {
    deliveries: [
      { subscription: 'default', state: 'leased', receiveCount: 1, dueAt: later(60_000), ...none },
      { subscription: 'erp', state: 'ready', receiveCount: 0, dueAt: null, ...none },
      late,
    ],
  })
  await consumer.post('/events/nack', { receipts: [receipt], reason: 'no such customer' })
  await consumer.post('/events/ack', { receipts: await receive(consumer, { subscription: 'erp' }) })
  const dead = { diedAt: later(0), reason: 'nacked', detail: 'no such customer' }
  t.same((await admin.get(url)).json().deliveries, [
    { subscription: 'default', state: 'dead', receiveCount: 1, dueAt: null, ...dead },
    { ...late, subscription: 'erp' },
    late,
  ])
})

test('the event of a formula that is unknown or erased has no deliveries: 404', async (t) => {
  const { admin, app, ids } = await start(t, 1)
  const [id = ''] = ids
  for (const unknown of ['x', 'f'.repeat(64), id.toUpperCase()]) {
    errorOf(t, await admin.get(`/formulas/${unknown}/deliveries`), 404, 'FORMULA_NOT_FOUND')
  }
  await eraseFormula(app.db, id)
  errorOf(t, await admin.get(`/formulas/${id}/deliveries`), 404, 'FORMULA_NOT_FOUND')
})

test('neither list changes anything: what is shown as ready is received as before', async (t) => {
  const { admin, consumer, ids } = await start(t, 2)
  const before = (await admin.get('/subscriptions')).body
  await admin.get('/events')
  await admin.get(`/formulas/${ids[0]}/deliveries`)
  t.equal((await admin.get('/subscriptions')).body, before)
  t.match((await consumer.post('/events/receive')).json().events, [{ id: ids[0], receiveCount: 1 }])
})
