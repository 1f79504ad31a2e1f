import fp from 'fastify-plugin'
import { ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route goes on answering while the service closes. */
    whileClosing?: boolean
  }
}

/** Once the service closes: refuses requests that still arrive, and ends each connection with its next answer. */
export default fp(
  async (fastify) => {
    let closing = false
    fastify.addHook('preClose', async () => {
      closing = true
    })
    fastify.addHook('onRequest', (request, _reply, done) => {
      done(closing && !request.routeOptions.config.whileClosing ? new ServiceError('SERVICE_STOPPING') : undefined)
    })
    fastify.addHook('onSend', (_request, reply, _payload, done) => {
      if (closing) reply.header('Connection', 'close')
      done()
    })
  },
  { name: 'closing', dependencies: ['request-id'] },
)
