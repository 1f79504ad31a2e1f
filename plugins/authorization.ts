import fp from 'fastify-plugin'
import { allows, type Scope } from '../src/access/api-key.ts'
import { detail, ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A key needs one of these scopes for the route; the default is `admin`. */
    scope?: Scope | readonly Scope[]
  }
}

/** Refuses keys without the scope of the route. It runs after the rate limit, so that refused calls count as well. */
export default fp(
  async (fastify) => {
    if (fastify.apiKeys === null) return
    fastify.addHook('onRequest', ({ apiKey, is404, routeOptions }, _reply, done) => {
      const { scope = 'admin' } = routeOptions.config
      if (apiKey === null || is404 || allows(apiKey.scopes, scope)) return done()
      const message = `The API key needs the scope ${[scope].flat().join(' or ')}`
      done(new ServiceError('FORBIDDEN', { details: [{ ...detail('Authorization', 'FORBIDDEN'), message }] }))
    })
  },
  { name: 'authorization', dependencies: ['authentication', 'rate-limit'] },
)
