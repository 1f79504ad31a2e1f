import { test } from 'tap'
import { parseMetrics } from '../../console/live/prometheus.js'
import { paceBetween, readingOf, totalOf } from '../../console/live/reading.js'

interface Figures {
  startedAt?: number
  added?: number
  failed?: number
  fast?: number
  slow?: number
}

/** A reading of these figures; `fast` answers took up to 10 ms, `slow` ones up to a second. */
function reading(at: number, { startedAt = 1, added = 0, failed = 0, fast = 0, slow = 0 }: Figures) {
  const bucket = (le: string, status: number, count: number) =>
    `http_request_duration_seconds_bucket{le="${le}",method="POST",route="/formulas",status="${status}"} ${count}`
  const text = [
    `process_start_time_seconds ${startedAt}`,
    `intake_submissions_total{outcome="added"} ${added}`,
    `intake_submissions_total{outcome="failed"} ${failed}`,
    ...[bucket('0.01', 200, fast), bucket('1', 200, fast), bucket('+Inf', 200, fast)],
    ...[bucket('0.01', 503, 0), bucket('1', 503, slow), bucket('+Inf', 503, slow)],
    'http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/formulas",status="200"} 1000',
  ]
  return readingOf(parseMetrics(text.join('\n')), at)
}

test('rates are what counters grew by in the time between', async (t) => {
  const pace = paceBetween(reading(10, { added: 100, failed: 1 }), reading(12, { added: 150, failed: 2 }))
  t.same(pace?.rates, { added: 25, replayed: 0, known: 0, refused: 0, failed: 0.5 })
})

test('latencies are those of submissions in the time between, whatever their status', async (t) => {
  const pace = paceBetween(reading(10, { fast: 500, slow: 500 }), reading(12, { fast: 590, slow: 510 }))
  t.ok((pace?.p50 ?? 1) < 0.01)
  t.ok((pace?.p95 ?? 0) > 0.1)
  t.match(paceBetween(reading(10, { fast: 5 }), reading(12, { fast: 5 })), { p50: null, p95: null, p99: null })
})

test('counters that began afresh give no rates', async (t) => {
  t.equal(paceBetween(reading(10, { added: 5 }), reading(12, { added: 50, startedAt: 2 })), null, 'another process')
  t.equal(paceBetween(reading(10, { added: 5 }), reading(12, { added: 4 })), null, 'one that does not tell its start')
  t.equal(paceBetween(reading(10, { slow: 5 }), reading(12, { slow: 4 })), null, 'in the latencies alone')
  t.equal(paceBetween(reading(10, {}), reading(10, {})), null, 'no time between')
})

test('what the service does not tell is not known, rather than 0', async (t) => {
  const { cleanups, forwarderUp } = readingOf(parseMetrics('up 1'), 0)
  t.same([cleanups, forwarderUp], [null, null])
  const told = readingOf(
    parseMetrics(
      'intake_cleanups_owed 2\nintake_forwarder_up{subscription="a"} 1\nintake_forwarder_up{subscription="b"} 0',
    ),
    0,
  )
  t.same([told.cleanups, told.forwarderUp], [2, false])
})

test('subscriptions together have the sum of their events, and the age of the oldest', async (t) => {
  const erp = { ready: 2, leased: 1, delayed: 0, dead: 3, oldestReadyAgeSeconds: 7 }
  const lab = { ready: 5, leased: 0, delayed: 1, dead: 0, oldestReadyAgeSeconds: 0 }
  const idle = { ready: 0, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: null }
  t.same(totalOf([erp, idle, lab]), { ready: 7, leased: 1, delayed: 1, dead: 3, oldestReadyAgeSeconds: 7 })
  t.same(totalOf([idle]), idle)
  t.same(totalOf([]), idle)
})
