import fp from 'fastify-plugin'
import { toServiceError } from '../src/errors/from-http.ts'
import { errorBody } from '../src/errors/service-error.ts'

/** Answers errors in the common shape, and logs those whose cause the caller must not see. */
export default fp(
  async (fastify) => {
    fastify.setErrorHandler((thrown, request, reply) => {
      const error = toServiceError(thrown)
      if (error.status >= 500 && error !== thrown) request.log.error({ err: thrown }, error.message)
      if (error.retryAfter !== undefined) reply.header('Retry-After', error.retryAfter)
      return reply
        .code(error.status)
        .header('Cache-Control', 'no-store')
        .send(errorBody(error.code, error.details, error.message))
    })
  },
  { name: 'errors' },
)
