import type { ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import { ServiceError } from '../src/errors/service-error.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route still answers while the service closes. */
    whileClosing?: boolean
  }
}

/** How long a partly received request may go on arriving after the service closes, in milliseconds. */
const ARRIVAL_MS = 2_000

/**
 * When the service closes: refuses further requests, closes idle connections at once and all others after their next
 * answer. Node alone would keep connections open that have sent nothing, or only part of a request.
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const { connections } = fastify
    const destroyIf = (isUnused: (last: ServerResponse | undefined) => boolean): void => {
      for (const [socket, { responses }] of connections.entries()) if (isUnused(responses.at(-1))) socket.destroy()
    }
    const isIdle = (last: ServerResponse | undefined): boolean => last === undefined || last.closed

    let closing = false
    let cancelArrival = (): void => {}
    fastify.addHook('preClose', async () => {
      closing = true
      destroyIf(isIdle)
      for (const [, { responses }] of connections.entries()) {
        const last = responses.at(-1)
        if (last?.headersSent === false) closeAfter(last)
      }
      cancelArrival = clock.after(ARRIVAL_MS, () => destroyIf((last) => isIdle(last) || last?.req.complete !== true))
    })
    fastify.addHook('onClose', async () => cancelArrival())
    fastify.addHook('onRequest', (request, reply, done) => {
      if (!closing) return done()
      closeAfter(reply.raw)
      done(request.routeOptions.config.whileClosing ? undefined : new ServiceError('SERVICE_STOPPING'))
    })
  },
  { name: 'closing', dependencies: ['cross-site', 'request-id', 'safety-headers', 'connections'] },
)

const closeAfter = (response: ServerResponse): unknown => response.setHeader('Connection', 'close')
