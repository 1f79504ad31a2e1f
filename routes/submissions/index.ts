import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ServiceError } from '../../src/errors/service-error.ts'
import { isoTime } from '../../src/kit/clock.ts'
import { getSubmission } from './schemas.ts'

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get('/:key', { schema: getSubmission, config: { scope: 'submit' } }, async ({ params, caller }) => {
    const { key } = params
    const found = await fastify.orchestrator.status(caller, key)
    if (found === null) throw new ServiceError('SUBMISSION_NOT_FOUND')
    const state = found.status === undefined ? 'running' : 'done'
    return { key, state, ...found, submittedAt: isoTime(found.submittedAt) } as const
  })
}

export default routes
