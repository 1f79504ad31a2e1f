import fp from 'fastify-plugin'
import { allows, type KeyScope, type Scope } from '../src/access/api-key.ts'
import { detail, ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A key needs one of these scopes for the route; the default is `admin`. */
    scope?: Scope | readonly Scope[]
  }
  interface FastifyRequest {
    /**
     * Further checks the key of the request, if keys are in use.
     * @throws {ServiceError} FORBIDDEN unless it has one of these scopes
     */
    requireScope(...scopes: KeyScope[]): void
  }
}

/** Refuses keys without the scope of the route. It runs after the rate limit, so that refused calls count as well. */
export default fp(
  async (fastify) => {
    fastify.decorateRequest('requireScope', function (...scopes) {
      if (this.apiKey !== null && !allows(this.apiKey.scopes, scopes)) throw missing(scopes)
    })
    if (fastify.apiKeys === null) return
    fastify.addHook('onRequest', ({ apiKey, is404, routeOptions }, _reply, done) => {
      const scopes = [routeOptions.config.scope ?? 'admin'].flat()
      done(apiKey === null || is404 || allows(apiKey.scopes, scopes) ? undefined : missing(scopes))
    })
  },
  { name: 'authorization', dependencies: ['authentication', 'rate-limit'] },
)

function missing(scopes: readonly KeyScope[]): ServiceError {
  const message = `The API key needs the scope ${scopes.join(' or ')}`
  return new ServiceError('FORBIDDEN', { details: [{ ...detail('Authorization', 'FORBIDDEN'), message }] })
}
