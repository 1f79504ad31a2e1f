import fp from 'fastify-plugin'
import { Metrics } from '../src/metrics/metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** Decorates the instance with its metrics, and measures requests. */
export default fp<{ observed?: boolean }>(
  async (fastify, { observed = true }) => {
    const metrics = new Metrics()
    fastify.decorate('metrics', metrics)
    if (!observed) return
    fastify.addHook('onResponse', ({ method, routeOptions }, reply, done) => {
      metrics.requests.observe(method, routeOptions.url, reply.statusCode, reply.elapsedTime / 1000)
      done()
    })
  },
  { name: 'metrics' },
)
