import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { StateGauges } from '../src/metrics/state-gauges.ts'

/** Adds to the metrics what is asked for at each scrape: the queue, cleanups, and whether stores and forwarder are up. */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const sources = {
      queue: fastify.queue,
      cleanups: () => fastify.orchestrator.cleanups.list(),
      silentStores: async () => (await fastify.readiness()).map(({ path }) => path),
      forwarder: () => fastify.forwarder.health,
      keysAreStale: () => fastify.apiKeys?.isStale ?? false,
    }
    const gauges = new StateGauges(fastify.metrics.registry, sources, clock)
    fastify.metrics.beforeScrape(() => gauges.read())
  },
  {
    name: 'state-metrics',
    dependencies: ['metrics', 'queue', 'orchestrator', 'readiness', 'forwarder', 'authentication'],
  },
)
