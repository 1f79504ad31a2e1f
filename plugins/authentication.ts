import bearerAuth from '@fastify/bearer-auth'
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ApiKey } from '../src/access/api-key.ts'
import { KeyRing } from '../src/access/key-ring.ts'
import { errorAt } from '../src/errors/service-error.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The API keys in force; null when API keys are not in use. */
    apiKeys: KeyRing | null
  }
  interface FastifyRequest {
    /** The key that the request carries. */
    apiKey: ApiKey | null
    /** The stable name of the caller; '' when API keys are not in use. */
    caller: string
  }
  interface FastifyContextConfig {
    /** Whether the route works without a key. */
    public?: boolean
  }
}

/**
 * If keys are in use, requires one before the body is read. Unknown paths require one too, so that strangers do not learn
 * which routes exist.
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    fastify.decorateRequest('apiKey', null)
    fastify.decorateRequest('caller', '')
    const { apiKeysFile } = fastify.config
    const { log, auditLog: audit } = fastify
    const keys = apiKeysFile === null ? null : new KeyRing(apiKeysFile, { log, audit, clock })
    fastify.decorate('apiKeys', keys)
    if (keys === null) return
    const unwatch = keys.watch()
    fastify.addHook('onClose', async () => unwatch())

    const isKnown = (secret: string, request: FastifyRequest): boolean => {
      const key = keys.find(secret)
      if (key === undefined) return false
      request.apiKey = key
      request.caller = key.name
      return true
    }
    await fastify.register(bearerAuth, {
      addHook: false,
      keys: [],
      auth: isKnown,
      // The scheme is case-insensitive.
      specCompliance: 'rfc6749',
      // The audit plugin logs refused calls.
      verifyErrorLogLevel: 'trace',
    })
    const verify = fastify.verifyBearerAuth as NonNullable<FastifyInstance['verifyBearerAuth']>
    fastify.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.config.public) return done()
      verify(request, reply, (error?: Error) => {
        if (error === undefined) return done()
        if ((error as FastifyError).statusCode !== 401) return done(error as FastifyError)
        reply.header('WWW-Authenticate', 'Bearer')
        done(errorAt('Authorization', 'UNAUTHORIZED'))
      })
    })
  },
  { name: 'authentication', dependencies: ['config', 'closing', 'audit-trail'] },
)
