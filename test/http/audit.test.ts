import { join } from 'node:path'
import { type Test, test } from 'tap'
import { digestOf } from '../../src/access/api-key.ts'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { COMMIT_STRATEGIES, memoryStores } from '../faults/stores.ts'
import { startGuarded } from '../support/http/keys.ts'
import { formula, formulasOf, startService } from '../support/http/service.ts'
import { newKey } from '../support/new-key.ts'
import { TestClock } from '../support/test-clock.ts'
import { until } from '../support/until.ts'
import { captureLog, type LogLine } from './fixtures.ts'

const refusedIn = (lines: LogLine[]) => lines.filter(({ msg }) => msg === 'A call was refused')

const keyId = (secret: string): string => digestOf(secret).slice(0, 12)

test('each refused call is one line in the log: who, what and why, and no secret', async (t) => {
  const { lines, logger } = captureLog('info')
  const service = await startGuarded(t, { RATE_LIMIT_PER_MINUTE: '2' }, { logger })
  const { get, as, reader, submitter, secrets } = service
  const wrong = 'ffi_of-someone-else'
  await get('/formulas/secret?name=secret')
  await as(wrong).get('/nope')
  await reader.get('/cleanups')
  for (const number of [1, 2, 3]) await submitter.submit(formula(number))
  const refused = refusedIn(lines)
  t.match(refused, [
    { level: 40, code: 'UNAUTHORIZED', caller: '', ip: '127.0.0.1', method: 'GET', route: '/formulas/:id' },
    { code: 'UNAUTHORIZED', caller: '', method: 'GET' },
    { code: 'FORBIDDEN', caller: 'read', key: keyId(secrets.read), method: 'GET', route: '/cleanups' },
    { code: 'RATE_LIMITED', caller: 'submit', key: keyId(secrets.submit), method: 'POST', route: '/formulas' },
  ])
  t.equal(refused.length, 4)
  for (const { reqId } of refused) t.match(reqId, /^[\da-f-]{36}$/)
  for (const secret of [wrong, 'secret', ...Object.values(secrets)]) t.notMatch(JSON.stringify(lines), secret)
})

test('of a flood of wrong keys from one address ten lines a second are logged, and how many were left out', async (t) => {
  const clock = new TestClock()
  const { lines, logger } = captureLog()
  const { as, reader } = await startGuarded(t, { LOG_LEVEL: 'warn' }, { logger, clock })
  const refused = () => refusedIn(lines)
  for (let guess = 0; guess < 200; guess++) await as(`ffi_guess-${guess}`).get('/formulas')
  t.equal(refused().length, 10)
  await reader.get('/cleanups')
  t.match(refused().at(-1), { code: 'FORBIDDEN' }, 'what else is refused is not drowned')
  clock.advance(1_000)
  await as('ffi_guess').get('/formulas')
  t.match(refused().at(-1), { code: 'UNAUTHORIZED', leftOut: 190 })
})

test('of wrong keys from ever new addresses a hundred lines a second are logged', async (t) => {
  const { lines, logger } = captureLog()
  const { send } = await startGuarded(t, { LOG_LEVEL: 'warn' }, { logger, clock: new TestClock() })
  for (let n = 0; n < 300; n++) await send({ url: '/formulas', remoteAddress: `10.0.${n >> 8}.${n & 255}` })
  t.equal(refusedIn(lines).length, 100)
})

test('at debug each answered call is logged with its caller and the id of its key', async (t) => {
  const { lines, logger } = captureLog('debug')
  const { reader, secrets } = await startGuarded(t, { LOG_LEVEL: 'debug' }, { logger })
  await reader.get('/formulas')
  const answered = lines.find(({ msg }) => msg === 'answered')
  t.match(answered, { caller: 'read', key: keyId(secrets.read), status: 200 })
  t.notMatch(JSON.stringify(lines), secrets.read)
})

/** A guarded service with one dead letter for each of some formulas, and what it logs. */
async function withDeadLetters(t: Test, formulas: number, env: NodeJS.ProcessEnv = {}) {
  const { lines, logger } = captureLog(env.LOG_LEVEL ?? 'info')
  const service = await startGuarded(t, { EVENT_MAX_RECEIVES: '1', ...env }, { logger })
  const list = Array.from({ length: formulas }, (_, index) => formula(index + 1))
  const ids = formulasOf(await service.submitter.submit(list)).map(({ id }) => id)
  for (let left = formulas; left > 0; left -= 100) {
    const { events } = (await service.consumer.post('/events/receive', { max: 100 })).json()
    await service.consumer.post('/events/nack', { receipts: events.map(({ receipt }: { receipt: string }) => receipt) })
  }
  const acts = () => lines.filter(({ audit }) => audit === true)
  return { ...service, ids, lines, acts }
}

for (const level of ['info', 'warn', 'fatal']) {
  test(`at LOG_LEVEL=${level} each successful administrative call has a line, however busy the service is`, async (t) => {
    const { admin, reader, ids, acts, secrets } = await withDeadLetters(t, 3, { LOG_LEVEL: level })
    for (let reads = 0; reads < 30; reads++) await reader.get('/formulas')
    await admin.send({ method: 'DELETE', url: `/events/dead/${ids[0]}` })
    await admin.post('/events/dead/redrive', { ids: [ids[1], 'unknown'] })
    await admin.post('/events/dead/redrive')
    const who = {
      level: 30,
      caller: 'admin',
      key: keyId(secrets.admin),
      ip: '127.0.0.1',
      reqId: /^[\da-f-]{36}$/,
    }
    t.match(acts(), [
      { ...who, method: 'DELETE', route: '/events/dead/:id', status: 204, id: ids[0] },
      { ...who, route: '/events/dead/redrive', status: 200, ids: [ids[1], 'unknown'], idsGiven: 2, redriven: 1 },
      { ...who, route: '/events/dead/redrive', redriven: 1 },
    ])
    t.equal(acts().length, 3)
    t.notOk('ids' in (acts()[2] ?? {}))
    t.notMatch(JSON.stringify(acts()), secrets.admin)
  })
}

test('reading, refused calls and what other scopes may do leave no line among the administrative ones', async (t) => {
  const { admin, reader, consumer, acts } = await withDeadLetters(t, 1)
  for (const url of ['/events/dead', '/cleanups', '/metrics']) await admin.get(url)
  await admin.post('/cleanups/unknown/retry')
  await admin.post('/events/dead/redrive', { ids: 'x' })
  await reader.post('/events/dead/redrive')
  await consumer.post('/events/receive')
  t.same(acts(), [])
})

test('an erasure is logged with the id, also one that a store failed and that goes on by itself', async (t) => {
  const { lines, logger } = captureLog('info')
  const stores = memoryStores('saga', { clock: new TestClock(), answerTtlMs: 60_000, maxReceives: 5 })
  const eraseEvent = stores.queue.erase
  stores.queue.erase = () => Promise.reject(new StoreUnavailable('down'))
  const service = await startService(t, {}, { logger, stores })
  const [{ id } = { id: '' }] = formulasOf(await service.submit(formula(1)))
  const erase = () => service.send({ method: 'DELETE', url: `/formulas/${id}` })
  t.equal((await erase()).statusCode, 503)
  stores.queue.erase = eraseEvent
  t.same([(await erase()).statusCode, (await erase()).statusCode], [204, 404])
  const acts = lines.filter(({ audit }) => audit === true)
  t.equal(acts.length, 2)
  t.match(acts, [
    { route: '/formulas/:id', method: 'DELETE', id, status: 503, owed: true },
    { id, status: 204 },
  ])
})

/** From now on carries out each call of a method, and then fails as if the reply were lost. */
function loseReplies<T extends object>(port: T, name: keyof T): void {
  const method = port[name] as (...args: unknown[]) => Promise<unknown>
  const lost = async (...args: unknown[]): Promise<never> => {
    await method.apply(port, args)
    throw new StoreUnavailable('The connection was lost')
  }
  Object.assign(port, { [name]: lost })
}

for (const strategy of COMMIT_STRATEGIES) {
  test(`an erasure whose reply is lost is logged as one that may have happened (${strategy})`, async (t) => {
    const { lines, logger } = captureLog('info')
    const stores = memoryStores(strategy, { clock: new TestClock(), answerTtlMs: 60_000, maxReceives: 5 })
    const { send, submit } = await startService(t, {}, { logger, stores })
    const [{ id } = { id: '' }] = formulasOf(await submit(formula(1)))
    if (stores.intake === null) loseReplies(stores.db, 'erase')
    else loseReplies(stores.intake, 'erase')
    const erase = async () => (await send({ method: 'DELETE', url: `/formulas/${id}` })).statusCode
    t.same([await erase(), (await send({ url: `/formulas/${id}` })).statusCode], [503, 404], 'it has happened')
    const msg = 'An administrative call may have been carried out'
    t.match(
      lines.filter(({ audit }) => audit === true),
      [{ msg, route: '/formulas/:id', id, status: 503, outcome: 'unknown' }],
    )
  })
}

test('any administrative call whose reply is lost is logged, also when its effect is only read back', async (t) => {
  const { admin, app, ids, acts } = await withDeadLetters(t, 1, { LOG_LEVEL: 'fatal' })
  for (const name of ['a', 'b']) await admin.send({ method: 'PUT', url: `/subscriptions/${name}`, payload: {} })
  const before = acts().length
  loseReplies(app.queue, 'removeDead')
  loseReplies(app.queue, 'unsubscribe')
  loseReplies(app.queue, 'subscriptions')
  await admin.send({ method: 'DELETE', url: `/events/dead/${ids[0]}` })
  await admin.send({ method: 'DELETE', url: '/subscriptions/a' })
  await admin.post('/subscriptions/b/seek', { to: 'start' })
  const act = { audit: true, caller: 'admin', status: 503, outcome: 'unknown' }
  t.match(acts().slice(before), [
    { ...act, route: '/events/dead/:id', id: ids[0], subscription: 'default' },
    { ...act, route: '/subscriptions/:name', method: 'DELETE', name: 'a' },
    { ...act, route: '/subscriptions/:name/seek', name: 'b', to: 'start' },
  ])
  t.equal(acts().length, before + 3)
})

test('of many ids the line names the first hundred, and counts all', async (t) => {
  const { admin, ids, acts } = await withDeadLetters(t, 150)
  await admin.post('/events/dead/redrive', { ids })
  t.match(acts(), [{ idsGiven: 150, redriven: 150 }])
  t.same(acts()[0]?.ids, ids.slice(0, 100))
})

test('a route to come needs nothing to be audited, and may add a word', async (t) => {
  const { lines, logger } = captureLog()
  const path = join(t.testdir(), 'keys.json')
  const authorization = `Bearer ${newKey(path, 'ops', 'admin')}`
  const config = readConfig({ DATABASE_URL: 'memory:', API_KEYS_FILE: path, LOG_LEVEL: 'warn' })
  const app = buildApp(config, { logger })
  t.teardown(() => app.close())
  app.register(async (routes) => {
    routes.put('/things/:name', async (request) => {
      request.audit = { to: 'start' }
      return { moved: 3 }
    })
  })
  await app.inject({ method: 'PUT', url: '/things/one', headers: { authorization } })
  const act = { audit: true, caller: 'ops', route: '/things/:name', name: 'one', to: 'start', moved: 3 }
  t.match(lines, [act])
})

test('each change of a subscription is audited, with its name and where it was moved', async (t) => {
  const { lines, logger } = captureLog()
  const { send, post } = await startService(t, { LOG_LEVEL: 'warn' }, { logger })
  await send({ method: 'PUT', url: '/subscriptions/erp', payload: { from: 'start' } })
  await post('/subscriptions/erp/seek', { to: 'end' })
  await post('/subscriptions/erp/pause')
  await post('/subscriptions/erp/resume')
  await post('/events/dead/redrive', { subscription: 'erp' })
  await post('/events/release', { subscription: 'erp', ids: ['x'] })
  await send({ method: 'DELETE', url: '/subscriptions/erp' })
  const act = { audit: true, name: 'erp' }
  t.match(lines, [
    { ...act, method: 'PUT', route: '/subscriptions/:name', status: 201, from: 'start' },
    { ...act, route: '/subscriptions/:name/seek', to: 'end' },
    { ...act, route: '/subscriptions/:name/pause' },
    { ...act, route: '/subscriptions/:name/resume' },
    { audit: true, route: '/events/dead/redrive', subscription: 'erp', redriven: 0 },
    { audit: true, route: '/events/release', subscription: 'erp', ids: ['x'], released: 0 },
    { ...act, method: 'DELETE', route: '/subscriptions/:name', status: 204 },
  ])
  t.equal(lines.length, 7)
})

test('without keys administrative calls are audited by address', async (t) => {
  const { lines, logger } = captureLog()
  const { post } = await startService(t, { LOG_LEVEL: 'warn' }, { logger })
  await post('/events/dead/redrive')
  t.match(lines, [{ audit: true, caller: '', ip: '127.0.0.1', redriven: 0 }])
})

test('a caller who hangs up before the answer is audited as well', async (t) => {
  const { app, acts, secrets } = await withDeadLetters(t, 1)
  const url = await app.listen({ port: 0 })
  const { redrive } = app.queue
  const begun = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  app.queue.redrive = async (ids) => {
    begun.resolve()
    await gone.promise
    return redrive.call(app.queue, ids)
  }
  app.server.on('connection', (socket) => socket.on('close', () => gone.resolve()))
  const caller = new AbortController()
  const headers = { authorization: `Bearer ${secrets.admin}` }
  const call = fetch(`${url}/events/dead/redrive`, { method: 'POST', headers, signal: caller.signal })
  await begun.promise
  caller.abort()
  await t.rejects(call)
  await until(() => acts().length === 1)
  t.match(acts(), [{ redriven: 1 }])
})

test('behind a proxy that is trusted, a refused call is logged with the address of its caller; nobody else can give one', async (t) => {
  const { lines, logger } = captureLog()
  const { send } = await startGuarded(t, { TRUSTED_PROXIES: '10.0.0.0/8, fd00::1' }, { logger })
  const addressFor = async (remoteAddress: string, forwarded: string): Promise<unknown> => {
    await send({ url: '/formulas', remoteAddress, headers: { 'x-forwarded-for': forwarded } })
    return lines.at(-1)?.ip
  }
  t.equal(await addressFor('10.1.2.3', '203.0.113.7'), '203.0.113.7')
  t.equal(await addressFor('::ffff:10.1.2.3', '203.0.113.7'), '203.0.113.7')
  t.equal(await addressFor('fd00::1', '2001:db8::7'), '2001:db8::7')
  t.equal(
    await addressFor('10.1.2.3', '198.51.100.1, 203.0.113.7, 10.9.9.9'),
    '203.0.113.7',
    'what it sent is not believed',
  )
  t.equal(await addressFor('203.0.113.7', '198.51.100.1'), '203.0.113.7', 'a caller that is no proxy')
  t.equal(await addressFor('203.0.113.7', '10.0.0.1'), '203.0.113.7')
  t.equal(await addressFor('127.0.0.1', '198.51.100.1'), '127.0.0.1')
})

test('where no proxy is trusted, no forwarded address is believed', async (t) => {
  const { lines, logger } = captureLog()
  const { send } = await startGuarded(t, {}, { logger })
  await send({ url: '/formulas', headers: { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7' } })
  t.match(lines.at(-1), { ip: '127.0.0.1' })
})
