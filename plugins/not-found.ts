import fp from 'fastify-plugin'
import findMyWay, { type HTTPMethod } from 'find-my-way'
import { ServiceError } from '../src/errors/service-error.ts'

/** Answers requests without a route before their body is read: 405 if the path has other methods, else 404. */
export default fp(
  async (fastify) => {
    const { maxParamLength = 100, ignoreTrailingSlash = false } = fastify.initialConfig.routerOptions ?? {}
    const router = findMyWay({ maxParamLength, ignoreTrailingSlash })
    const methods = new Set<HTTPMethod>()
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const each of [method].flat() as HTTPMethod[]) {
        methods.add(each)
        if (!router.hasRoute(each, url)) router.on(each, url, () => {})
      }
    })
    // For routes that call `reply.callNotFound()`.
    fastify.setNotFoundHandler(() => {
      throw new ServiceError('ROUTE_NOT_FOUND')
    })
    fastify.addHook('onRequest', (request, reply, done) => {
      if (!request.is404) return done()
      const [path = ''] = request.url.split(/[?#]/, 1)
      const allowed = [...methods].filter((method) => router.find(method, path) !== null)
      if (allowed.length === 0) return done(new ServiceError('ROUTE_NOT_FOUND'))
      reply.header('Allow', allowed.join(', '))
      done(new ServiceError('METHOD_NOT_ALLOWED'))
    })
  },
  { name: 'not-found', dependencies: ['closing', 'authorization'] },
)
