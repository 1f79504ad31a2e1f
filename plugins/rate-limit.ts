import rateLimit, { type FastifyRateLimitStore, normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts a request as `extra` more requests; does nothing when there is no limit. */
    chargeRateLimit(request: FastifyRequest, reply: FastifyReply, extra: number): void
  }
}

const MINUTE_MS = 60_000
const MAX_CALLERS = 5_000

/**
 * Limits the requests of each caller per minute, including those without a route. Without API keys the caller is the
 * address (the network, with IPv6). Public routes are exempt, so that probes are never refused.
 */
export default fp(
  async (fastify) => {
    const { rateLimitPerMinute, apiKeysFile } = fastify.config
    const counts = new RequestCounts()
    const keyGenerator =
      apiKeysFile === null ? ({ ip }: FastifyRequest) => normalizeIP(ip) : ({ caller }: FastifyRequest) => caller
    fastify.decorate('chargeRateLimit', (request, reply, extra) => {
      if (rateLimitPerMinute === 0) return
      const left = rateLimitPerMinute - counts.add(keyGenerator(request), extra).current
      reply.header('x-ratelimit-remaining', Math.max(0, left))
    })
    if (rateLimitPerMinute === 0) return
    await fastify.register(rateLimit, {
      global: false,
      max: rateLimitPerMinute,
      timeWindow: MINUTE_MS,
      keyGenerator,
      store: class implements FastifyRateLimitStore {
        incr(caller: string, done: Parameters<FastifyRateLimitStore['incr']>[1]): void {
          done(null, counts.add(caller, 1))
        }

        child(): this {
          return this
        }
      },
      errorResponseBuilder: (_request, { ttl }) =>
        new ServiceError('RATE_LIMITED', { retryAfter: Math.ceil(ttl / 1000) }),
    })
    const limit = fastify.rateLimit()
    fastify.addHook('onRequest', function (request, reply, done) {
      if (request.routeOptions.config.public) return done()
      limit.call(this, request, reply).then(() => done(), done)
    })
  },
  { name: 'rate-limit', dependencies: ['authentication', 'tracing'] },
)

/** Counts requests per caller in fixed windows of a minute, by the system clock. */
class RequestCounts {
  readonly #callers = new LRUCache<string, { current: number; begunAt: number }>({ max: MAX_CALLERS })

  add(caller: string, requests: number): { current: number; ttl: number } {
    const now = Date.now()
    let counted = this.#callers.get(caller)
    if (counted === undefined || counted.begunAt + MINUTE_MS <= now) {
      counted = { current: 0, begunAt: now }
      this.#callers.set(caller, counted)
    }
    counted.current += requests
    return { current: counted.current, ttl: counted.begunAt + MINUTE_MS - now }
  }
}
