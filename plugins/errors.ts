import fp from 'fastify-plugin'
import { toServiceError } from '../src/errors/from-http.ts'
import { writeError } from '../src/errors/problem.ts'
import { errorBody } from '../src/errors/service-error.ts'

/** Answers errors in the form that the request asks for, and logs those whose cause the caller must not see. */
export default fp(
  async (fastify) => {
    fastify.setErrorHandler((thrown, request, reply) => {
      const error = toServiceError(thrown)
      if (error.status >= 500 && error !== thrown) request.log.error({ err: thrown }, error.message)
      if (error.retryAfter !== undefined) reply.header('Retry-After', error.retryAfter)
      const { type, text } = writeError(errorBody(error.code, error.details, error.message), request.headers.accept)
      return reply.code(error.status).header('Cache-Control', 'no-store').type(type).send(text)
    })
  },
  { name: 'errors' },
)
