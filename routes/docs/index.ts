import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync } from 'fastify'
import { about, server } from '../../src/openapi/about.ts'

/** The page is `/docs`, not `/docs/docs`: the plugin adds the prefix itself. */
export const prefixOverride = ''

/** Shows the OpenAPI document as a page, on which requests can be tried. */
const routes: FastifyPluginAsync = async (fastify) => {
  fastify.addHook('onRoute', (route) => {
    route.config = { ...route.config, scope: 'admin' }
  })
  fastify.addHook('onSend', async (_request, reply) => {
    if (reply.statusCode >= 400) return
    reply.headers(fastify.pageHeaders).header('Cache-Control', 'private, no-cache')
  })
  await fastify.register(swaggerUi, {
    routePrefix: '/docs',
    // Its files and the service are found relative to the page and its document: it works under any path of a proxy.
    indexPrefix: '.',
    transformSpecification: (document) => ({ ...document, servers: [{ ...server, url: '../' }] }),
    transformSpecificationClone: false,
    theme: { title: about.info.title },
    // Without the bar on top, which has a style in itself, and in which other documents could be opened.
    uiConfig: { layout: 'BaseLayout', deepLinking: true, displayOperationId: true },
  })
}

export default routes
