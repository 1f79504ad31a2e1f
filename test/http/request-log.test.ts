import type { FastifyInstance } from 'fastify'
import { type Test, test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { loggerOptions } from '../../src/logging.ts'
import type { Stores } from '../../src/stores/ports.ts'
import { TestClock } from '../support/test-clock.ts'
import { captureLog, type LogLine, memoryStores, unavailable } from './fixtures.ts'

const INFO = 30
const WARN = 40
/** A header with the simulated duration of the request, in milliseconds. */
const TOOK = 'x-took'

interface Logged {
  app: FastifyInstance
  clock: TestClock
  /** The lines about requests. */
  answered(): LogLine[]
  lines: LogLine[]
  submit(key: string, concentration?: number): Promise<{ statusCode: number }>
}

/** A service that logs as the real one does, with a clock moved by hand. */
async function startLogged(t: Test, level: string, change = (_stores: Stores): void => {}): Promise<Logged> {
  const clock = new TestClock()
  const stores = memoryStores(clock)
  change(stores)
  const config = readConfig({ DATABASE_URL: 'memory:', LOG_LEVEL: level, SUBMIT_RETRIES: '1' })
  const { lines, logger } = captureLog()
  const app = buildApp(config, { clock, stores, logger: { ...logger, ...loggerOptions(config, false) } })
  t.teardown(() => app.close())
  app.addHook('onRequest', ({ headers }, reply, done) => {
    if (TOOK in headers) Object.defineProperty(reply, 'elapsedTime', { value: Number(headers[TOOK]) })
    done()
  })
  await app.ready()
  return {
    app,
    clock,
    lines,
    answered: () => lines.filter(({ msg }) => msg === 'answered'),
    submit: (key, concentration = 1) =>
      app.inject({
        method: 'POST',
        url: '/formulas',
        headers: { 'idempotency-key': key, 'x-request-id': `request-${key}` },
        payload: { name: 'Rose', materials: [{ name: 'Linalool', concentration }] },
      }),
  }
}

test('the key of a submission that is looked up is in no line', async (t) => {
  const { app, answered, lines } = await startLogged(t, 'trace', ({ idempotency }) => {
    idempotency.status = unavailable
  })
  t.equal((await app.inject('/submissions/order-4711')).statusCode, 503)
  t.match(answered(), [{ route: '/submissions/:key', status: 503 }])
  t.notMatch(JSON.stringify(lines), 'order-4711')
})

test('a request has a line with its id, route, status and time, and neither its query nor its body', async (t) => {
  const { app, answered, submit, lines } = await startLogged(t, 'info')
  await submit('k', 17.25)
  await app.inject({ url: '/formulas?name=Rose', headers: { 'x-request-id': 'reading' } })
  const [posted, read] = answered()
  t.match(posted, { level: INFO, reqId: 'request-k', method: 'POST', route: '/formulas', status: 200, caller: '' })
  t.match(read, { reqId: 'reading', method: 'GET', route: '/formulas', status: 200 })
  t.type(posted?.ms, 'number')
  t.notMatch(JSON.stringify(lines), /Rose|Linalool|17\.25/)
})

test('the line of a submission names it, also where it was answered before', async (t) => {
  const { app, answered, submit } = await startLogged(t, 'info')
  await submit('k')
  const { submissionId } = (await app.idempotency.find('', 'k')) ?? {}
  t.type(submissionId, 'string')
  t.equal(answered()[0]?.submission, submissionId)
  const reordered = '{"materials":[{"name":"Linalool","concentration":"1"}],"name":"Rose"}'
  const headers = { 'idempotency-key': 'k', 'content-type': 'application/json' }
  await app.inject({ method: 'POST', url: '/formulas', headers, payload: reordered })
  t.equal(answered()[1]?.submission, submissionId, 'of the same key')
})

test('what is logged of a submission that fails names its request as well', async (t) => {
  const { lines, submit } = await startLogged(t, 'info', (stores) => {
    stores.intake = { accept: unavailable, giveUp: async () => {}, erase: unavailable }
  })
  t.equal((await submit('k')).statusCode, 503)
  const attempt = lines.find(({ msg }) => msg === 'An attempt to store a submission failed')
  t.match(attempt, { level: WARN, reqId: 'request-k', submission: /^[\w-]{36}$/, attempt: 1 })
  t.match(attempt?.err, { type: 'StoreUnavailable', message: 'the disk is full', stack: /^ {4}at / })
})

test('of a busy service ten requests a second are logged, and the next line says how many were not', async (t) => {
  const { app, answered, clock } = await startLogged(t, 'info')
  for (let number = 0; number < 25; number++) await app.inject('/events/stats')
  t.equal(answered().length, 10)
  clock.advance(1_000)
  for (let number = 0; number < 2; number++) await app.inject('/events/stats')
  t.equal(answered().length, 12)
  t.equal(answered()[10]?.leftOut, 15)
  t.notOk('leftOut' in (answered()[11] ?? {}), 'it is said once')
})

test('probes, which are not logged, are not counted as left out either', async (t) => {
  const { app, answered, clock } = await startLogged(t, 'info')
  for (let number = 0; number < 10; number++) await app.inject('/events/stats')
  for (let number = 0; number < 5; number++) await app.inject('/health/live')
  clock.advance(1_000)
  await app.inject('/events/stats')
  t.notOk('leftOut' in (answered()[10] ?? {}))
})

test('failed requests are logged as warnings beyond that limit, up to a bound of their own', async (t) => {
  const { app, answered } = await startLogged(t, 'info', (stores) => {
    stores.db.get = unavailable
  })
  for (let number = 0; number < 20; number++) await app.inject('/events/stats')
  for (let number = 0; number < 120; number++) await app.inject(`/formulas/${'0'.repeat(64)}`)
  const failures = answered().filter(({ status }) => status === 503)
  t.equal(failures.length, 100, 'and even these are bounded')
  t.same(new Set(failures.map(({ level }) => level)), new Set([WARN]))
})

test('a request that took a second is a warning, but not a long poll', async (t) => {
  const { app, answered } = await startLogged(t, 'info')
  for (const [method, url, ms] of [
    ['GET', '/events/stats', 999],
    ['GET', '/events/stats', 1_000],
    ['POST', '/events/receive', 20_000],
  ] as const) {
    await app.inject({ method, url, headers: { [TOOK]: String(ms) } })
  }
  t.match(answered(), [
    { level: INFO, ms: 999 },
    { level: WARN, ms: 1_000 },
    { level: INFO, ms: 20_000 },
  ])
})

test('health checks are logged only when they fail', async (t) => {
  const { app, answered } = await startLogged(t, 'info', (stores) => {
    stores.queue.probe = unavailable
  })
  await app.inject('/health/live')
  t.equal(answered().length, 0)
  await app.inject('/health/ready')
  t.match(answered(), [{ level: WARN, route: '/health/ready', status: 503 }])
})

test('at debug no request is left out; at warn only what failed or took long is logged', async (t) => {
  const debug = await startLogged(t, 'debug')
  for (let number = 0; number < 25; number++) await debug.app.inject('/health/live')
  t.equal(debug.answered().length, 25)
  const warn = await startLogged(t, 'warn')
  await warn.app.inject('/events/stats')
  t.equal(warn.answered().length, 0)
})
