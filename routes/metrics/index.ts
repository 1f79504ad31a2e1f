import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { readMetrics } from './schemas.ts'

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get('', { schema: readMetrics, config: { scope: 'admin' } }, async (_request, reply) => {
    reply.type(fastify.metrics.mediaType)
    return fastify.metrics.text()
  })
}

export default routes
