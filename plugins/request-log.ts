import fp from 'fastify-plugin'
import { idOf } from '../src/access/api-key.ts'

/** Logs one line for each request, at debug and below only: it costs nothing otherwise. */
export default fp(
  async (fastify) => {
    if (!['debug', 'trace'].includes(fastify.config.logLevel)) return
    fastify.addHook('onResponse', (request, reply, done) => {
      const { apiKey, caller, method, routeOptions } = request
      const key = apiKey === null ? undefined : idOf(apiKey)
      request.log.debug(
        { caller, key, method, route: routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime },
        'answered',
      )
      done()
    })
  },
  { name: 'request-log', dependencies: ['config', 'authentication'] },
)
