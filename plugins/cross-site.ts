import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { CHANGING_METHODS, crossSiteHeader } from '../src/access/hosts.ts'
import { errorAt, type ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The error for a request that a page of another site sent; undefined for any other. */
    crossSiteError(request: IncomingMessage): ServiceError | undefined
  }
}

/**
 * Refuses requests that change state and come from a page of another site, unless API keys are in use. Browsers let any
 * page send a simple POST to any address, including loopback, but no page can make a browser add an API key.
 */
export default fp(
  async (fastify) => {
    const { apiKeysFile, allowedHosts, corsOrigins } = fastify.config
    fastify.decorate('crossSiteError', ({ method = '', headers }) => {
      if (apiKeysFile !== null || !CHANGING_METHODS.includes(method)) return
      const header = crossSiteHeader(headers, allowedHosts, corsOrigins)
      return header === null ? undefined : errorAt(header, 'CROSS_SITE')
    })
    fastify.addHook('onRequest', ({ raw }, _reply, done) => done(fastify.crossSiteError(raw)))
  },
  { name: 'cross-site', dependencies: ['config', 'host'] },
)
