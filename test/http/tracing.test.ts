import t from 'tap'
import type { Intake } from '../../src/stores/ports.ts'
import { ERROR_STATUS, startCollector } from '../support/collector.ts'
import { startGuarded } from '../support/http/keys.ts'
import { formula, startService } from '../support/http/service.ts'
import { faulty } from '../support/submission/faulty-stores.ts'
import { captureLog, memoryStores } from './fixtures.ts'

t.test('what is logged of a failed attempt tells its span, and the trace shows how the next one went', async (t) => {
  const collector = await startCollector(t)
  Object.assign(process.env, collector.environment)
  const stores = memoryStores()
  const intake = faulty<Intake>(stores.intake)
  intake.fail('accept', 'before', 1)
  const { lines, logger } = captureLog()
  const options = { stores: { ...stores, intake: intake.port }, logger }
  const { submit } = await startService(t, collector.environment, options)
  t.equal((await submit(formula(1))).statusCode, 200)
  const [submission] = await collector.named('submission')
  const attempts = await collector.named('submission attempt', 2)
  const [failed, second] = attempts.toSorted(
    (a, b) => Number(a.attributes['submission.attempt']) - Number(b.attributes['submission.attempt']),
  )
  t.match(submission?.attributes, { 'submission.attempts': 2, 'submission.outcome': 'answered' })
  t.match(failed, { parentSpanId: submission?.spanId, status: { code: ERROR_STATUS } })
  t.match(second, { parentSpanId: submission?.spanId, attributes: { 'submission.verdict': 'answered' } })
  t.match(lines, [
    { msg: 'An attempt to store a submission failed', trace_id: failed?.traceId, span_id: failed?.spanId },
  ])
})

t.test('a request without a key is not traced, and its line in the log stands in no trace that it names', async (t) => {
  const collector = await startCollector(t)
  Object.assign(process.env, collector.environment)
  const { lines, logger } = captureLog('info')
  const { get, reader, send } = await startGuarded(t, collector.environment, { logger })
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  for (const authorization of ['', 'Bearer nobody']) {
    t.equal((await send({ url: '/formulas', headers: { traceparent, authorization } })).statusCode, 401)
  }
  t.equal((await get('/nope')).statusCode, 401)
  t.equal((await reader.send({ url: '/events/stats', headers: { traceparent } })).statusCode, 200)
  t.match(await collector.named('GET /events/stats'), [{ traceId: '4bf92f3577b34da6a3ce929d0e0e4736' }])
  t.same(
    collector.spans().map(({ name }) => name),
    ['GET /events/stats'],
  )
  const inTrace = lines.filter(({ trace_id }) => trace_id !== undefined)
  t.match(inTrace, [{ msg: 'answered', route: '/events/stats' }])
  t.equal(inTrace.length, 1)
})
