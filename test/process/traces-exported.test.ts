import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { AppOptions } from '../../src/app.ts'
import type { ReceivedEvent } from '../../src/outbox/message.ts'
import { ERROR_STATUS, SERVER_KIND, startCollector, tracingTo } from '../support/collector.ts'
import { startListening } from '../support/http/service.ts'
import { call, formula, startService } from '../support/service-process.ts'
import { passTime } from '../support/submission/orchestrator-bench.ts'
import { TestClock } from '../support/test-clock.ts'

/** A span of the caller, in a new trace. */
function callersSpan(flags = '01') {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` }
}

const SECRET = { name: 'Secret Rose', materials: [{ name: 'Hidden Absolute', concentration: '12.3456' }] }

function submit(url: string, traceparent: string, body: object = SECRET, key = 'secret-key'): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': key,
    // So that the test can match log lines with traces.
    'x-request-id': traceparent.split('-')[1] as string,
    traceparent,
  }
  return fetch(`${url}/formulas`, { method: 'POST', headers, body: JSON.stringify(body) })
}

const receive = async (url: string): Promise<ReceivedEvent[]> =>
  (await call<{ events: ReceivedEvent[] }>(url, '/events/receive', { max: 10 })).events

/** Sends a body in two halves, 50 ms apart. */
async function submitInHalves(url: string, traceparent: string): Promise<Response> {
  const text = JSON.stringify(SECRET)
  async function* halves() {
    yield Buffer.from(text.slice(0, 20))
    await pause(50)
    yield Buffer.from(text.slice(20))
  }
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'secret-key', traceparent }
  return fetch(`${url}/formulas`, { method: 'POST', headers, body: ReadableStream.from(halves()), duplex: 'half' })
}

/** Starts a service in this process; OpenTelemetry reads its variables from `process.env`. */
async function startTraced(t: Test, environment: Record<string, string>, options: AppOptions = {}) {
  t.intercept(process, 'env', { value: { ...process.env, ...environment } })
  return startListening(t, environment, options)
}

/** A logger that keeps its lines. */
function keptLog(level: string) {
  const lines: string[] = []
  const logger = { level, stream: { write: (line: string) => void lines.push(line) } }
  return { logger, parsed: () => lines.map((line) => JSON.parse(line)) }
}

const fileOf = (t: Test): { DATABASE_URL: string } => ({ DATABASE_URL: `sqlite:${join(t.testdir(), 'formulas.db')}` })

t.test(
  'a submission joins the trace of its caller, and its event carries that trace, even after kill -9',
  async (t) => {
    const collector = await startCollector(t)
    const env = { ...collector.environment, ...fileOf(t), LOG_LEVEL: 'debug' }
    const caller = callersSpan()
    const first = await startService(t, env)
    t.equal((await submitInHalves(first.url, caller.traceparent)).status, 200)
    const [request] = await collector.named('POST /formulas')
    const [submission] = await collector.named('submission')
    const [attempt] = await collector.named('submission attempt')
    t.match(request, { traceId: caller.traceId, parentSpanId: caller.spanId, kind: SERVER_KIND })
    t.match(request?.attributes, { 'http.route': '/formulas', 'http.response.status_code': 200 })
    t.match(submission, { traceId: caller.traceId, parentSpanId: request?.spanId })
    t.match(submission?.attributes, {
      'submission.id': /^[0-9a-f-]{36}$/,
      'submission.formulas': 1,
      'submission.attempts': 1,
      'submission.outcome': 'answered',
      'submission.status': 200,
      'submission.replayed': false,
    })
    t.match(attempt, { traceId: caller.traceId, parentSpanId: submission?.spanId })
    const { stdout } = await first.kill('SIGKILL')
    const answered = stdout.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'answered')
    t.match(answered, [{ trace_id: caller.traceId, span_id: request?.spanId }], 'and so do log lines')

    const second = await startService(t, env)
    const [event] = await receive(second.url)
    t.equal(event?.traceparent, `00-${caller.traceId}-${submission?.spanId}-01`)
  },
)

t.test('submissions committed in one batch, and their log lines, each keep their own trace', async (t) => {
  const collector = await startCollector(t)
  const log = keptLog('debug')
  const service = await startTraced(
    t,
    { ...collector.environment, ...fileOf(t), LOG_LEVEL: 'debug' },
    { logger: log.logger },
  )
  const callers = Array.from({ length: 40 }, (_, index) => ({ ...callersSpan(), body: formula(index + 1) }))
  await Promise.all(callers.map(({ traceparent, body }, index) => submit(service.url, traceparent, body, `${index}`)))
  const submissions = await collector.named('submission', callers.length)
  const traceparentOf = ({ traceId, spanId }: { traceId: string; spanId: string }): string =>
    `00-${traceId}-${spanId}-01`
  const { events } = await call<{ events: ReceivedEvent[] }>(service.url, '/events/receive', { max: 100 })
  t.same(events.map(({ traceparent }) => traceparent).sort(), submissions.map(traceparentOf).sort())
  const traceOf = new Map(callers.map(({ body, traceId }) => [body.name, traceId]))
  for (const { name, traceparent } of events) t.equal(traceparent?.split('-')[1], traceOf.get(name))
  const answered = log.parsed().filter(({ route }) => route === '/formulas')
  t.equal(answered.length, callers.length)
  for (const { reqId, trace_id } of answered) t.equal(trace_id, reqId)
})

t.test('no span contains a formula, an idempotency key or a search text', async (t) => {
  const collector = await startCollector(t)
  const { url } = await startTraced(t, collector.environment)
  const traceparent = callersSpan().traceparent
  const { formulas } = (await (await submit(url, traceparent)).json()) as { formulas: { id: string }[] }
  await submit(url, traceparent, { ...SECRET, materials: 'Hidden Absolute' })
  await fetch(`${url}/formulas?name=Secret`)
  await fetch(`${url}/formulas/${formulas[0]?.id}`)
  await fetch(`${url}/Secret?key=secret-key`)
  await collector.named('GET /formulas')
  await collector.named('GET /formulas/:id')
  await collector.named('GET')
  for (const secret of ['secret', 'hidden', '12.3456', formulas[0]?.id ?? 'an id']) {
    t.notOk(collector.bodies.join().toLowerCase().includes(secret), secret)
  }
  t.match(collector.resource(), { 'service.name': 'formula-intake' })
})

t.test('a 4xx is not an error in a trace, and health checks are not traced', async (t) => {
  const collector = await startCollector(t)
  const { url } = await startTraced(t, { ...collector.environment, OTEL_SERVICE_NAME: 'scents' })
  for (const path of ['/health/live', '/health/ready']) t.equal((await fetch(`${url}${path}`)).status, 200)
  t.equal((await submit(url, callersSpan().traceparent, {})).status, 400)
  t.equal((await fetch(`${url}/formulas/unknown`)).status, 404)
  const [refused] = await collector.named('POST /formulas')
  const [unknown] = await collector.named('GET /formulas/:id')
  t.match(refused?.attributes, { 'http.response.status_code': 400 })
  t.not(refused?.status.code, ERROR_STATUS)
  t.not(unknown?.status.code, ERROR_STATUS)
  t.equal(collector.spans().length, 2)
  t.match(collector.resource(), { 'service.name': 'scents' }, 'whose name is the operator’s to give')
})

t.test('the event of a submission that is not sampled has no traceparent', async (t) => {
  const collector = await startCollector(t)
  const { url } = await startTraced(t, collector.environment)
  t.equal((await submit(url, callersSpan('00').traceparent)).status, 200)
  const events = await receive(url)
  t.same(Object.keys(events[0] ?? {}), ['id', 'name', 'createdAt', 'receipt', 'receiveCount', 'leasedUntil'])
  await collector.named('POST /events/receive')
  t.equal(collector.spans().length, 1, 'the caller has decided')
})

/** Accepts connections and never answers. */
async function listen() {
  const server = createServer((socket) => socket.unref()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

t.test('an unreachable collector costs one line in the log, however many spans are lost', async (t) => {
  const { server, endpoint } = await listen()
  await new Promise((resolve) => server.close(resolve))
  const env = { ...tracingTo(endpoint), OTEL_EXPORTER_OTLP_TIMEOUT: '50' }
  const log = keptLog('warn')
  const { url, close } = await startTraced(t, env, { logger: log.logger })
  for (let number = 1; number <= 20; number++) {
    const body = { name: 'Rose', materials: [{ name: 'Rose', concentration: number }] }
    t.equal((await submit(url, callersSpan().traceparent, body, `${number}`)).status, 200)
    await pause(20)
  }
  await close()
  const lines = log.parsed().map(({ msg }) => msg)
  t.same(lines.sort(), [
    'Metrics cannot be exported, and are lost meanwhile',
    'Traces cannot be exported, and are lost meanwhile',
  ])
})

t.test('a collector that never answers delays no request, and the shutdown only by seconds', async (t) => {
  const { server, endpoint } = await listen()
  t.teardown(() => server.close())
  const clock = new TestClock()
  const { url, close } = await startTraced(t, tracingTo(endpoint), { clock })
  t.equal((await submit(url, callersSpan().traceparent)).status, 200)
  const begun = clock.now()
  await passTime(clock, close())
  t.ok(clock.now() - begun < 8_000)
})

/** Prints each OpenTelemetry module that a process loads, except the small API package of prom-client. */
const PRINT_MODULES = `--import=data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    if (/opentelemetry(?!.api)|fastify.otel/.test(url)) process.stdout.write('{"loaded":"' + url + '"}\\n')
    return next(url, context)
  },
})`)}`

t.test('OpenTelemetry is not loaded unless a collector is configured', async (t) => {
  const collector = await startCollector(t)
  const loadedBy = async (environment: Record<string, string>): Promise<number> => {
    t.testdir()
    const service = await startService(t, { ...environment, DATABASE_URL: 'memory:', NODE_OPTIONS: PRINT_MODULES })
    t.equal((await submit(service.url, callersSpan().traceparent)).status, 200)
    const { stdout } = await service.kill('SIGTERM')
    return stdout.filter((line) => line.includes('"loaded"')).length
  }
  t.ok((await loadedBy(collector.environment)) > 10, 'it would be noticed')
  t.equal(await loadedBy({}), 0)
})
