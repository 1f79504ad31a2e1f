import type { ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import { ServiceError } from '../src/errors/service-error.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route goes on answering while the service closes. */
    whileClosing?: boolean
  }
}

/** How long a request that has begun to arrive may go on arriving once the service closes, in milliseconds. */
const ARRIVAL_MS = 2_000

/**
 * Once the service closes: refuses requests that still arrive, ends each connection with its next answer, and those on
 * which nothing is to be answered at once. Node does not do so for connections that have sent nothing, or half a request.
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const { connections } = fastify
    const hangUp = (isIdle: (last: ServerResponse | undefined) => boolean): void => {
      for (const [socket, { responses }] of connections.entries()) if (isIdle(responses.at(-1))) socket.destroy()
    }
    const isDone = (last: ServerResponse | undefined): boolean => last === undefined || last.closed

    let closing = false
    let cancelArrival = (): void => {}
    fastify.addHook('preClose', async () => {
      closing = true
      hangUp(isDone)
      for (const [, { responses }] of connections.entries()) {
        const last = responses.at(-1)
        if (last?.headersSent === false) endWith(last)
      }
      cancelArrival = clock.after(ARRIVAL_MS, () => hangUp((last) => isDone(last) || last?.req.complete !== true))
    })
    fastify.addHook('onClose', async () => cancelArrival())
    fastify.addHook('onRequest', (request, reply, done) => {
      if (!closing) return done()
      endWith(reply.raw)
      done(request.routeOptions.config.whileClosing ? undefined : new ServiceError('SERVICE_STOPPING'))
    })
  },
  { name: 'closing', dependencies: ['cross-site', 'request-id', 'safety-headers', 'connections'] },
)

const endWith = (response: ServerResponse): unknown => response.setHeader('Connection', 'close')
