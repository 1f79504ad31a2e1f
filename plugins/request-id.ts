import fp from 'fastify-plugin'

/** Tells the caller the id under which its request is logged. */
export default fp(
  async (fastify) => {
    fastify.addHook('onRequest', (request, reply, done) => {
      reply.header('X-Request-Id', request.id)
      done()
    })
  },
  { name: 'request-id' },
)
