import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { crossSiteMark } from '../src/access/cross-site.ts'
import { detail, ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Why a request may not be answered by the page that sent it; undefined where it may. */
    refusedSite(request: IncomingMessage): ServiceError | undefined
  }
}

const CHANGING = ['POST', 'PUT', 'DELETE']

/**
 * Refuses what a page of another site has sent, where that may change something. Browsers let any page send a simple
 * POST to any address, loopback too; what it is answered they keep from it. A key no page can have them send.
 */
export default fp(
  async (fastify) => {
    const { apiKeysFile, allowedHosts } = fastify.config
    fastify.decorate('refusedSite', ({ method = '', headers }) => {
      if (apiKeysFile !== null || !CHANGING.includes(method)) return
      const mark = crossSiteMark(headers, allowedHosts)
      return mark === null ? undefined : new ServiceError('CROSS_SITE', { details: [detail(mark, 'CROSS_SITE')] })
    })
    fastify.addHook('onRequest', ({ raw }, _reply, done) => done(fastify.refusedSite(raw)))
  },
  { name: 'cross-site', dependencies: ['config', 'host'] },
)
