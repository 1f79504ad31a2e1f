import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/clock.ts'
import { ServiceError } from '../src/errors/service-error.ts'

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
    /** The request that each connection is busy with. */
    const connections = new Map<Socket, IncomingMessage | null>()
    fastify.server.on('connection', (socket: Socket) => {
      connections.set(socket, null)
      socket.once('close', () => connections.delete(socket))
    })
    fastify.server.on('request', (request, response) => {
      connections.set(request.socket, request)
      // A pipelined request may have taken its place.
      response.once('close', () => {
        if (connections.get(request.socket) === request) connections.set(request.socket, null)
      })
    })
    const hangUp = (isIdle: (request: IncomingMessage | null) => boolean): void => {
      for (const [socket, request] of connections) if (isIdle(request)) socket.destroy()
    }

    let closing = false
    let cancelArrival = (): void => {}
    fastify.addHook('preClose', async () => {
      closing = true
      hangUp((request) => request === null)
      cancelArrival = clock.after(ARRIVAL_MS, () => hangUp((request) => request?.complete !== true))
    })
    fastify.addHook('onClose', async () => cancelArrival())
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
