import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { ServiceError } from '../src/errors/service-error.ts'
import { type Clock, Deadline, systemClock } from '../src/kit/clock.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts a request as `extra` more requests; does nothing when there is no limit. */
    chargeRateLimit(request: FastifyRequest, reply: FastifyReply, extra: number): void
  }
}

const MINUTE_MS = 60_000
const MAX_CALLERS = 5_000

/**
 * Limits the requests of each caller per minute, including those without a route, and says so in the fields of
 * draft-ietf-httpapi-ratelimit-headers. Without API keys the caller is the address (the network, with IPv6). Public routes
 * are exempt, so that probes are never refused.
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const { rateLimitPerMinute, apiKeysFile } = fastify.config
    const counts = new RequestCounts(clock)
    const callerOf =
      apiKeysFile === null ? ({ ip }: FastifyRequest) => normalizeIP(ip) : ({ caller }: FastifyRequest) => caller
    const policy = `"default";q=${rateLimitPerMinute};w=${MINUTE_MS / 1000}`
    /** @returns an error past the limit */
    const count = (request: FastifyRequest, reply: FastifyReply, requests: number): ServiceError | undefined => {
      const { current, ttl } = counts.add(callerOf(request), requests)
      const seconds = Math.ceil(ttl / 1000)
      const left = Math.max(0, rateLimitPerMinute - current)
      reply.headers({ 'RateLimit-Policy': policy, RateLimit: `"default";r=${left};t=${seconds}` })
      return current > rateLimitPerMinute ? new ServiceError('RATE_LIMITED', { retryAfter: seconds }) : undefined
    }
    fastify.decorate('chargeRateLimit', (request, reply, extra) => {
      if (rateLimitPerMinute > 0) count(request, reply, extra)
    })
    if (rateLimitPerMinute === 0) return
    fastify.addHook('onRequest', (request, reply, done) => {
      done(request.routeOptions.config.public ? undefined : count(request, reply, 1))
    })
  },
  { name: 'rate-limit', dependencies: ['authentication', 'tracing'] },
)

/** Counts requests per caller in fixed windows of a minute. */
class RequestCounts {
  readonly #clock: Clock
  readonly #callers = new LRUCache<string, { current: number; end: Deadline }>({ max: MAX_CALLERS })

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(caller: string, requests: number): { current: number; ttl: number } {
    let counted = this.#callers.get(caller)
    if (counted === undefined || counted.end.left === 0) {
      counted = { current: 0, end: new Deadline(this.#clock, MINUTE_MS) }
      this.#callers.set(caller, counted)
    }
    counted.current += requests
    return { current: counted.current, ttl: counted.end.left }
  }
}
