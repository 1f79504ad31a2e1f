import type { FastifyReply } from 'fastify'

/**
 * Aborted when the client hangs up before it is answered. (Fastify's `request.signal` goes by the request, which is
 * over as soon as its body has been read.)
 */
export function clientGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}
