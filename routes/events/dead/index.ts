import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ServiceError } from '../../../src/errors/service-error.ts'
import { readCursor, writeCursor } from '../../cursor.ts'
import { emptyBodyIsObject } from '../optional-body.ts'
import { listDead, redriveDead, removeDead } from './schemas.ts'

const config = { scope: 'admin' } as const

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get('', { schema: listDead, config }, async ({ query }) => {
    const { limit = 50, cursor } = query
    const page = await fastify.queue.dead(limit, readCursor('dead', cursor).before)
    return { events: page.items, nextCursor: writeCursor('dead', page.next) }
  })

  fastify.post('/redrive', { schema: redriveDead, config, preValidation: emptyBodyIsObject }, async ({ body }) => {
    return { redriven: await fastify.queue.redrive(body.ids) }
  })

  fastify.delete('/:id', { schema: removeDead, config }, async ({ params }, reply) => {
    if (!(await fastify.queue.removeDead(params.id))) throw new ServiceError('EVENT_NOT_FOUND')
    return reply.code(204).send()
  })
}

export default routes
