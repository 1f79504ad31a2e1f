import type { FastifyReply, preValidationHookHandler } from 'fastify'

/**
 * Aborted when the client disconnects before it is answered, or ends its half of the connection, which looks the same.
 * (Fastify's `request.signal` is of no use here: it is aborted as soon as the body has been read.)
 */
export function disconnectSignal(reply: FastifyReply): AbortSignal {
  const disconnected = new AbortController()
  const abort = (): void => disconnected.abort()
  const { socket } = reply.request.raw
  if (socket.readableEnded) abort()
  socket.once('end', abort)
  reply.raw.once('close', () => {
    socket.off('end', abort)
    abort()
  })
  return disconnected.signal
}

/** For bodies whose fields are all optional: the body itself is optional too. */
export const defaultToEmptyBody: preValidationHookHandler = (request, _reply, done) => {
  if (request.body === undefined) request.body = {}
  done()
}
