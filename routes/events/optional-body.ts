import type { preValidationHookHandler } from 'fastify'

/** Lets a body be left out where all its fields may be. */
export const emptyBodyIsObject: preValidationHookHandler = (request, _reply, done) => {
  if (request.body === undefined) request.body = {}
  done()
}
