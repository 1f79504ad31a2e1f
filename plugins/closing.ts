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

const CHECK_MS = 1_000
/** How long a partly received request may go on arriving after the service closes, in milliseconds. */
const ARRIVAL_MS = 2_000
/**
 * How long clients may read answers after the deadline of the last submission, in milliseconds; less than the `GRACE_MS`
 * of `server.ts`.
 */
const READING_MS = 10_000

/**
 * When the service closes: refuses further requests, closes idle connections at once and all others after their last
 * answer. Node alone would keep connections open that have sent nothing, or only part of a request.
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const { connections, config, server } = fastify
    const isIdle = (last: ServerResponse | undefined): boolean => last === undefined || last.closed
    const longestMs = config.submitDeadlineMs + READING_MS
    // To Node a connection is idle when its answer is written but not sent yet: it would cut that off.
    server.closeIdleConnections = () => {}

    let closing = false
    let cancelCheck = (): void => {}
    /** Runs every second: an answer that was ready before the service closed does not close its connection. */
    const closeUnused = (sinceMs: number): void => {
      for (const [socket, { responses }] of connections.entries()) {
        const last = responses.at(-1)
        const isArriving = last?.req.complete === false
        if (isIdle(last) || (isArriving && sinceMs >= ARRIVAL_MS) || sinceMs >= longestMs) socket.destroy()
      }
      cancelCheck = clock.after(CHECK_MS, () => closeUnused(sinceMs + CHECK_MS))
    }
    fastify.addHook('preClose', async () => {
      closing = true
      closeUnused(0)
      for (const [, { responses }] of connections.entries()) {
        const last = responses.at(-1)
        if (last?.headersSent === false) closeAfter(last)
      }
    })
    fastify.addHook('onClose', async () => cancelCheck())
    fastify.addHook('onRequest', (request, reply, done) => {
      if (!closing) return done()
      closeAfter(reply.raw)
      done(request.routeOptions.config.whileClosing ? undefined : new ServiceError('SERVICE_STOPPING'))
    })
  },
  { name: 'closing', dependencies: ['config', 'cross-site', 'request-id', 'safety-headers', 'connections'] },
)

const closeAfter = (response: ServerResponse): unknown => response.setHeader('Connection', 'close')
