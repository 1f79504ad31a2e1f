import rateLimit from '@fastify/rate-limit'
import fp from 'fastify-plugin'
import { ServiceError } from '../src/errors/service-error.ts'

const MINUTE_MS = 60_000

/**
 * Bounds the requests of each caller in a minute, those that no route takes included; of each address (of each network,
 * with IPv6) where callers are anonymous. Public routes stay free: who watches the service must not be shut out.
 */
export default fp(
  async (fastify) => {
    const { rateLimitPerMinute, apiKeysFile } = fastify.config
    if (rateLimitPerMinute === 0) return
    await fastify.register(rateLimit, {
      global: false,
      max: rateLimitPerMinute,
      timeWindow: MINUTE_MS,
      ...(apiKeysFile !== null && { keyGenerator: ({ caller }) => caller }),
      errorResponseBuilder: (_request, { ttl }) =>
        new ServiceError('RATE_LIMITED', { retryAfter: Math.ceil(ttl / 1000) }),
    })
    const limit = fastify.rateLimit()
    fastify.addHook('onRequest', function (request, reply, done) {
      if (request.routeOptions.config.public) return done()
      limit.call(this, request, reply).then(() => done(), done)
    })
  },
  { name: 'rate-limit', dependencies: ['authentication'] },
)
