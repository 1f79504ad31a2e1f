import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ServiceError } from '../../src/errors/service-error.ts'
import { listCleanups, retryCleanup } from './schemas.ts'

const config = { scope: 'admin' } as const

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get('', { schema: listCleanups, config }, async () => ({
    cleanups: await fastify.orchestrator.cleanups.list(),
  }))

  fastify.post('/:id/retry', { schema: retryCleanup, config }, async ({ params }, reply) => {
    if (!(await fastify.orchestrator.cleanups.retry(params.id))) throw new ServiceError('CLEANUP_NOT_FOUND')
    return reply.code(202).send({ message: 'Cleanup scheduled' })
  })
}

export default routes
