import { test } from 'tap'
import { parseMetrics, quantile } from '../../console/live/prometheus.js'

test('metrics are read from the text of Prometheus, comments and what is no metric passed over', async (t) => {
  const metrics = parseMetrics(`# HELP a_total How many.
# TYPE a_total counter
a_total{outcome="added",note="a \\"quoted\\" }\\\\ \\n one"} 12
a_total{outcome="exists"} 3 1700000000000

up 1
latency_bucket{le="+Inf"} 5e2
nothing to see
`)
  t.same(metrics.get('a_total'), [
    { labels: { outcome: 'added', note: 'a "quoted" }\\ \n one' }, value: 12 },
    { labels: { outcome: 'exists' }, value: 3 },
  ])
  t.same(metrics.get('up'), [{ labels: {}, value: 1 }])
  t.same(metrics.get('latency_bucket'), [{ labels: { le: '+Inf' }, value: 500 }])
  t.equal(metrics.size, 3)
})

test('a quantile lies between the bounds of the bucket it falls in', async (t) => {
  const buckets: [number, number][] = [
    [0.01, 50],
    [0.1, 90],
    [1, 100],
    [Infinity, 100],
  ]
  t.equal(quantile(buckets, 0.25), 0.005)
  t.equal(quantile(buckets, 0.5), 0.01)
  t.ok(Math.abs((quantile(buckets, 0.7) ?? 0) - 0.055) < 1e-9)
  t.equal(quantile(buckets, 1), 1)
})

test('there is no quantile of nothing, and beyond the last bound that bound is all that is known', async (t) => {
  t.equal(quantile([], 0.5), null)
  t.equal(quantile([[1, 0]], 0.5), null)
  t.equal(
    quantile(
      [
        [1, 1],
        [Infinity, 10],
      ],
      0.99,
    ),
    1,
  )
})
