import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { stateGauges } from '../src/metrics/gauges.ts'

/** Adds the gauges that are read at each scrape: queue, cleanups, stores, forwarder and keys. */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const sources = {
      queue: fastify.queue,
      standbys: fastify.engines.standbys,
      cleanups: () => fastify.orchestrator.cleanups.list(),
      unavailableStores: async () => (await fastify.readiness()).map(({ path }) => path),
      forwarders: () => fastify.forwarder.health(),
      keysAreStale: () => fastify.apiKeys?.isStale ?? false,
    }
    stateGauges(fastify.metrics.registry, sources, clock)
  },
  {
    name: 'state-metrics',
    dependencies: ['metrics', 'engines', 'queue', 'orchestrator', 'readiness', 'forwarder', 'authentication'],
  },
)
