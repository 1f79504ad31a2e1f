import fp from 'fastify-plugin'
import { Metrics } from '../src/metrics/metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** Methods that have a label of their own; whatever else a client thinks of shares one. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Decorates the instance with what the service measures of itself, and measures each request. */
export default fp<{ observed?: boolean }>(
  async (fastify, { observed = true }) => {
    const metrics = new Metrics()
    fastify.decorate('metrics', metrics)
    if (!observed) return
    fastify.addHook('onResponse', ({ method, routeOptions }, reply, done) => {
      const known = METHODS.has(method) ? method : 'other'
      metrics.requests.observe(known, routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1000)
      done()
    })
  },
  { name: 'metrics' },
)
