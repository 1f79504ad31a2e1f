import fp from 'fastify-plugin'
import { detail, ServiceError } from '../src/errors/service-error.ts'

/** Refuses HTTP/1.1 without a Host header in the shape of all errors; Node itself would answer without a body. */
export default fp(
  async (fastify) => {
    fastify.addHook('onRequest', ({ raw, headers }, _reply, done) => {
      const missing = raw.httpVersion === '1.1' && headers.host === undefined
      done(missing ? new ServiceError('BAD_REQUEST', { details: [detail('Host', 'BAD_REQUEST')] }) : undefined)
    })
  },
  { name: 'host', dependencies: ['request-id'] },
)
