import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { idOf } from '../src/access/api-key.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { LineLimiter } from '../src/kit/line-limiter.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The id of its submission, once it is known. */
    submissionId: string | undefined
  }
  interface FastifyContextConfig {
    /** Whether requests may wait for an event: a long duration is not logged as slow. */
    longPoll?: boolean
  }
}

/** Requests that take this long are slow, in milliseconds: many times the usual duration under load. */
const SLOW_MS = 1_000
/** Lines per second for ordinary requests: a quiet service logs all of them, a busy one a sample. */
const ORDINARY_LINES = 10
/** Lines per second for failures and slow requests: a flood of them must not add load by being logged. */
const NOTABLE_LINES = 100

/**
 * Logs answered requests: failures (5xx) and slow requests as warnings, others at level info. Lines past a limit per second
 * are dropped; the next line says how many (`leftOut`). At level debug and below there is no limit.
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
      const isNotable =
        reply.statusCode >= 500 || (reply.elapsedTime >= SLOW_MS && !request.routeOptions.config.longPoll)
      const lines = isNotable ? notable : ordinary
      // Probes are frequent and always the same.
      if (!all && !isNotable && request.routeOptions.config.public) return done()
      if (!all && !lines.admitOrDrop()) return done()
      const leftOut = all ? 0 : lines.countWritten()
      const fields = { ...fieldsOf(request, reply), ...(leftOut > 0 && { leftOut }) }
      if (isNotable) request.log.warn(fields, 'answered')
      else request.log.info(fields, 'answered')
      done()
    })
  },
  { name: 'request-log', dependencies: ['config', 'authentication'] },
)

/** The route, not the URL, which may contain a formula's name; the id of the API key, not the key. */
function fieldsOf(request: FastifyRequest, reply: FastifyReply): object {
  const { apiKey, caller, method, routeOptions, submissionId } = request
  const key = apiKey === null ? undefined : idOf(apiKey)
  const ms = Math.round(reply.elapsedTime * 1000) / 1000
  return { caller, key, method, route: routeOptions.url, status: reply.statusCode, ms, submission: submissionId }
}
