import fp from 'fastify-plugin'
import { allows, type Scope } from '../src/access/scopes.ts'
import { detail, ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a key must be allowed for the route, one of these; `admin` where nothing is said. */
    scope?: Scope | readonly Scope[]
  }
}

/** Refuses a key that lacks the scope of the route. It stands behind the limit: what is refused here counts as well. */
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
