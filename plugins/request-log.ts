import fp from 'fastify-plugin'

/** Logs one line for each request, at debug and below only: it costs nothing otherwise. */
export default fp(
  async (fastify) => {
    if (!['debug', 'trace'].includes(fastify.config.logLevel)) return
    fastify.addHook('onResponse', (request, reply, done) => {
      const { method, routeOptions } = request
      request.log.debug(
        { method, route: routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime },
        'answered',
      )
      done()
    })
  },
  { name: 'request-log', dependencies: ['config'] },
)
