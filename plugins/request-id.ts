import fp from 'fastify-plugin'

/** Answers with the id under which the request is logged. */
export default fp(
  async (fastify) => {
    fastify.addHook('onRequest', (request, reply, done) => {
      reply.header('X-Request-Id', request.id)
      done()
    })
  },
  { name: 'request-id' },
)
