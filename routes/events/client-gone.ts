import type { FastifyReply } from 'fastify'

/**
 * Aborted when the client hangs up before it is answered, or ends its half of the connection: that looks the same.
 * (Fastify's `request.signal` goes by the request, which is over as soon as its body has been read.)
 */
export function clientGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  const abort = (): void => gone.abort()
  const { socket } = reply.request.raw
  if (socket.readableEnded) abort()
  socket.once('end', abort)
  reply.raw.once('close', () => {
    socket.off('end', abort)
    abort()
  })
  return gone.signal
}
