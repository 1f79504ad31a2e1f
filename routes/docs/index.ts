import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync } from 'fastify'
import { about, server } from '../../src/openapi/about.ts'

/** Swagger UI adds the prefix itself: without this the page would be at `/docs/docs`. */
export const prefixOverride = ''

/** Shows the OpenAPI document as an interactive page. */
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
    // Relative to the page, so that it works behind a proxy under any path.
    indexPrefix: '.',
    transformSpecification: (document) => ({ ...document, servers: [{ ...server, url: '../' }] }),
    transformSpecificationClone: false,
    theme: { title: about.info.title },
    // Without the top bar, which has inline styles and lets users open other documents.
    uiConfig: { layout: 'BaseLayout', deepLinking: true, displayOperationId: true },
  })
}

export default routes
