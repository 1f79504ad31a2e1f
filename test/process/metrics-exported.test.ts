import t, { type Test } from 'tap'
import { startCollector } from '../support/collector.ts'
import { formula, startListening } from '../support/http/service.ts'
import { until } from '../support/until.ts'

interface Point {
  attributes: { key: string; value: { stringValue?: string; doubleValue?: number; intValue?: number } }[]
  asDouble?: number
  count?: number
  sum?: number
  bucketCounts?: number[]
  explicitBounds?: number[]
}

interface SentMetric {
  name: string
  sum?: { dataPoints: Point[]; isMonotonic: boolean; aggregationTemporality: number }
  gauge?: { dataPoints: Point[] }
  histogram?: { dataPoints: Point[] }
}

const CUMULATIVE = 2

/** The metrics of the last export. */
function lastOf(bodies: string[]): (name: string) => SentMetric | undefined {
  const { resourceMetrics } = JSON.parse(bodies.at(-1) as string)
  const metrics: SentMetric[] = resourceMetrics[0].scopeMetrics.flatMap(
    ({ metrics }: { metrics: SentMetric[] }) => metrics,
  )
  return (name) => metrics.find((metric) => metric.name === name)
}

async function startExporting(t: Test, environment: Record<string, string>) {
  t.intercept(process, 'env', { value: { ...process.env, ...environment } })
  return startListening(t, environment)
}

t.test('a collector gets the metrics that /metrics shows, histograms as histograms, the last at the end', async (t) => {
  const collector = await startCollector(t)
  const { url, close } = await startExporting(t, { ...collector.environment, OTEL_METRIC_EXPORT_INTERVAL: '50' })
  for (const key of ['a', 'b']) {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key }
    await fetch(`${url}/formulas`, { method: 'POST', headers, body: JSON.stringify(formula(1)) })
  }
  await until(() => collector.metrics.length > 1)
  await close()
  const metric = lastOf(collector.metrics)
  const submissions = metric('intake_submissions_total')?.sum
  t.match(submissions, { isMonotonic: true, aggregationTemporality: CUMULATIVE })
  const countOf = (outcome: string) =>
    submissions?.dataPoints.find(({ attributes }) => attributes[0]?.value.stringValue === outcome)?.asDouble
  t.same([countOf('added'), countOf('exists'), countOf('failed')], [1, 1, 0])
  t.match(metric('intake_queue_events')?.gauge?.dataPoints, { length: 4 })
  t.ok(metric('process_cpu_seconds_total'))
  const series = metric('http_request_duration_seconds')?.histogram?.dataPoints ?? []
  const added = series.find(({ attributes }) =>
    attributes.some(({ value }) => (value.intValue ?? value.doubleValue) === 200),
  )
  t.equal(added?.count, 1)
  t.ok((added?.sum ?? 0) > 0)
  t.equal(added?.bucketCounts?.length, (added?.explicitBounds?.length ?? 0) + 1)
  t.equal(
    added?.bucketCounts?.reduce((sum, count) => sum + count, 0),
    1,
    'each value is in one bucket',
  )
  t.notOk(added?.attributes.some(({ key }) => key === 'le'))
})

t.test('with OTEL_METRICS_EXPORTER=none only traces go to the collector', async (t) => {
  const collector = await startCollector(t)
  const { url, close } = await startExporting(t, { ...collector.environment, OTEL_METRICS_EXPORTER: 'none' })
  await fetch(`${url}/formulas`)
  await collector.named('GET /formulas')
  await close()
  t.same(collector.metrics, [])
})
