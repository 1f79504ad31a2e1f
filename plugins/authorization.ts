import fp from 'fastify-plugin'
import { allows, type KeyScope, type Scope } from '../src/access/api-key.ts'
import { detail, ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A key needs one of these scopes for the route; the default is `admin`. */
    scope?: Scope | readonly Scope[]
    /** A scope that it needs as well. */
    alsoScope?: Scope
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
      if (apiKey === null || is404) return done()
      const { scope = 'admin', alsoScope } = routeOptions.config
      if (!allows(apiKey.scopes, scope)) return done(missing([scope].flat()))
      done(alsoScope === undefined || allows(apiKey.scopes, alsoScope) ? undefined : missing([alsoScope]))
    })
  },
  { name: 'authorization', dependencies: ['authentication', 'rate-limit'] },
)

function missing(scopes: readonly KeyScope[]): ServiceError {
  const message = `The API key needs the scope ${scopes.join(' or ')}`
  return new ServiceError('FORBIDDEN', { details: [{ ...detail('Authorization', 'FORBIDDEN'), message }] })
}
