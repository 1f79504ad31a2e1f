import { type Test, test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { type Answer, type Client, errorOf, formula } from '../support/http/service.ts'
import { newKey } from '../support/new-key.ts'

/** A service with the subscriptions `erp` and `lab`, one event, and a client for each of these lists of scopes. */
async function start(t: Test, scopes: string[], env: NodeJS.ProcessEnv = {}) {
  const service = await startGuarded(t, env)
  const { admin, as, app, path } = service
  const clients = scopes.map((scope) => as(newKey(path, scope.replaceAll(/[:,]/g, '-'), scope))) as [Client, Client]
  app.apiKeys?.reload()
  for (const name of ['erp', 'lab']) await admin.send({ method: 'PUT', url: `/subscriptions/${name}` })
  await service.submitter.submit(formula(1))
  return { ...service, clients }
}

const receive = (client: Client, body: object = {}) => client.post('/events/receive', body)
const receiptIn = (answer: Answer): string => answer.json().events[0].receipt
const namesIn = async (client: Client): Promise<string[]> =>
  (await client.get('/subscriptions')).json().subscriptions.map(({ name }: { name: string }) => name)

test('a key for one subscription receives from that one alone; any other name is a 403, there or not', async (t) => {
  const { clients, consumer } = await start(t, ['consume:erp'])
  const [erp] = clients
  for (const body of [{ subscription: 'lab' }, { subscription: 'none' }, { subscription: 'default' }, {}]) {
    const { details } = errorOf(t, await receive(erp, body), 403, 'FORBIDDEN')
    const name = 'subscription' in body ? body.subscription : 'default'
    t.match(details, [{ path: 'Authorization', message: `The API key needs the scope consume:${name}` }])
  }
  t.equal((await receive(erp, { subscription: 'erp' })).json().events.length, 1)
  for (const subscription of ['erp', 'lab', 'default']) {
    t.equal((await receive(consumer, { subscription })).statusCode, 200, 'a key for all may use each')
  }
  errorOf(t, await receive(consumer, { subscription: 'none' }), 404, 'SUBSCRIPTION_NOT_FOUND')
})

test('to a key for one subscription the receipts of others are stale, and stay valid', async (t) => {
  const { clients, consumer } = await start(t, ['consume:erp', 'consume:erp,consume:lab'])
  const [erp, both] = clients
  const own = receiptIn(await receive(erp, { subscription: 'erp' }))
  const other = receiptIn(await receive(consumer, { subscription: 'lab' }))
  const rejected = [{ receipt: other, code: 'RECEIPT_STALE' }]
  const receipts = [other, own]
  const extended = await erp.post('/events/extend', { receipts, leaseSeconds: 60 })
  t.match(extended.json(), { extended: 1, rejected })
  t.same((await erp.post('/events/nack', { receipts: [other] })).json(), { nacked: 0, rejected })
  t.same((await erp.post('/events/ack', { receipts })).json(), { acked: 1, rejected })
  t.same((await both.post('/events/ack', { receipts: [other] })).json(), { acked: 1, rejected: [] })
})

test('a key for one subscription sees that one alone; with read it sees all', async (t) => {
  const { clients, reader, consumer, submitter } = await start(t, ['consume:erp', 'read,consume:erp'])
  const [erp, both] = clients
  t.same(await namesIn(erp), ['erp'])
  for (const client of [both, reader, consumer]) t.same(await namesIn(client), ['default', 'erp', 'lab'])
  errorOf(t, await submitter.get('/subscriptions'), 403, 'FORBIDDEN')
  t.match((await erp.get('/events/stats?subscription=erp')).json(), { ready: 1 })
  for (const query of ['?subscription=lab', '?subscription=none', '']) {
    errorOf(t, await erp.get(`/events/stats${query}`), 403, 'FORBIDDEN')
  }
  for (const client of [both, reader, consumer]) {
    t.equal((await client.get('/events/stats?subscription=lab')).statusCode, 200)
  }
})

test('only an admin changes a subscription, and a key for one may not change its own', async (t) => {
  const { clients } = await start(t, ['consume:erp'])
  const [erp] = clients
  const answers = [
    await erp.send({ method: 'PUT', url: '/subscriptions/erp' }),
    await erp.send({ method: 'DELETE', url: '/subscriptions/erp' }),
    await erp.post('/subscriptions/erp/seek', { to: 'start' }),
    await erp.post('/subscriptions/erp/pause'),
    await erp.get('/events/dead?subscription=erp'),
  ]
  for (const answer of answers) errorOf(t, answer, 403, 'FORBIDDEN')
})

test('formulas come with events only to a key that may read as well', async (t) => {
  const { clients, consumer, get } = await start(t, ['read,consume:erp'])
  const [both] = clients
  const body = { subscription: 'erp', include: ['formula'] }
  const { details } = errorOf(t, await receive(consumer, body), 403, 'FORBIDDEN')
  t.match(details, [{ message: 'The API key needs the scope read' }])
  t.match((await receive(both, body)).json(), { events: [{ receiveCount: 1, formula: { name: 'Formula 1' } }] })
  errorOf(t, await get('/subscriptions'), 401, 'UNAUTHORIZED')
})

test('the scope is checked before whether the events are forwarded', async (t) => {
  const { clients, consumer, app } = await start(t, ['consume:erp'])
  const [erp] = clients
  Object.defineProperty(app.forwarder, 'forwards', { value: (name: string) => name !== 'erp' })
  errorOf(t, await receive(consumer), 409, 'EVENTS_FORWARDED')
  errorOf(t, await receive(erp), 403, 'FORBIDDEN')
  errorOf(t, await receive(consumer, { include: ['formula'] }), 403, 'FORBIDDEN')
  t.equal((await receive(erp, { subscription: 'erp' })).statusCode, 200, 'others are received here')
})
