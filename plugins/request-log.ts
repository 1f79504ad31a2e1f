import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { idOf } from '../src/access/api-key.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { LineLimiter } from '../src/kit/line-limiter.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The submission that the request is about, once it is known. */
    submissionId: string | undefined
  }
  interface FastifyContextConfig {
    /** Whether requests to the route may wait for something to happen: that they take long means nothing. */
    waits?: boolean
  }
}

/** From here on a request is slow, in milliseconds: many times what a busy service takes. */
const SLOW_MS = 1_000
/** Enough to see each request of a quiet service; of a busy one it is a sample. */
const ORDINARY_LINES = 10
/** Failures and slow requests are what a log is read for; but a flood of them must not become the load itself. */
const NOTABLE_LINES = 100

/**
 * Logs a line for a request when it is answered: failures (5xx) and slow requests as warnings, others for information,
 * each up to so many lines a second. The next line tells how many were left out. At debug and below none is left out.
 */
export default fp<{ clock?: Clock; observed?: boolean }>(
  async (fastify, { clock = systemClock, observed = true }) => {
    fastify.decorateRequest('submissionId', undefined)
    const { logLevel } = fastify.config
    if (!observed || logLevel === 'silent') return
    const all = logLevel === 'debug' || logLevel === 'trace'
    const ordinary = new LineLimiter(ORDINARY_LINES, clock)
    const notable = new LineLimiter(NOTABLE_LINES, clock)
    fastify.addHook('onResponse', (request, reply, done) => {
      const isNotable = reply.statusCode >= 500 || (reply.elapsedTime >= SLOW_MS && !mayWait(request))
      const lines = isNotable ? notable : ordinary
      if (!all && !lines.hasRoom()) return done()
      // Who watches the service asks often, and always the same.
      if (!all && !isNotable && isPublic(request)) return done()
      const leftOut = all ? 0 : lines.take()
      const fields = { ...fieldsOf(request, reply), ...(leftOut > 0 && { leftOut }) }
      if (isNotable) request.log.warn(fields, 'answered')
      else request.log.info(fields, 'answered')
      done()
    })
  },
  { name: 'request-log', dependencies: ['config', 'authentication'] },
)

const mayWait = ({ routeOptions }: FastifyRequest): boolean => routeOptions.config.waits === true

const isPublic = ({ routeOptions }: FastifyRequest): boolean => routeOptions.config.public === true

/** The route instead of the URL, which may hold a name; of the API key its id. */
function fieldsOf(request: FastifyRequest, reply: FastifyReply): object {
  const { apiKey, caller, method, routeOptions, submissionId } = request
  const key = apiKey === null ? undefined : idOf(apiKey)
  const ms = Math.round(reply.elapsedTime * 1000) / 1000
  return { caller, key, method, route: routeOptions.url, status: reply.statusCode, ms, submission: submissionId }
}
