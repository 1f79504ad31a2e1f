import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/kit/clock.ts'

/** Sends the metrics to a collector if one is configured; `GET /metrics` shows the same. */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const { otlpMetrics } = fastify.config
    if (otlpMetrics === null) return
    // Loaded on demand, as tracing is.
    const { openMetrics } = await import('../src/tracing/open-metrics.ts')
    const close = openMetrics(clock, fastify.log, { ...otlpMetrics, read: () => fastify.metrics.read() })
    fastify.addHook('onClose', close)
  },
  { name: 'metric-export', dependencies: ['config', 'metrics', 'state-metrics'] },
)
