import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ServiceError } from '../../../src/errors/service-error.ts'
import { isoTime } from '../../../src/kit/clock.ts'
import { toMessage } from '../../../src/outbox/message.ts'
import { DEFAULT_SUBSCRIPTION, type DeadEvent } from '../../../src/stores/ports.ts'
import { readCursor, writeCursor } from '../../schemas.ts'
import { listDead, redriveDead, removeDead } from './schemas.ts'

const toDead = (event: DeadEvent) => {
  const { receiveCount, diedAt, reason } = event
  return { ...toMessage(event), receiveCount, diedAt: isoTime(diedAt), reason }
}

const config = { scope: 'admin' } as const

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get('', { schema: listDead, config }, async ({ query }) => {
    const { limit = 50, cursor } = query
    const page = await fastify.queue.dead(DEFAULT_SUBSCRIPTION, limit, readCursor('dead', cursor).before)
    return { events: page.items.map(toDead), nextCursor: writeCursor('dead', page.next) }
  })

  fastify.post('/redrive', { schema: redriveDead, config }, async ({ body }) => {
    return { redriven: await fastify.queue.redrive(DEFAULT_SUBSCRIPTION, body.ids) }
  })

  fastify.delete('/:id', { schema: removeDead, config }, async ({ params }, reply) => {
    if (!(await fastify.queue.removeDead(DEFAULT_SUBSCRIPTION, params.id))) throw new ServiceError('EVENT_NOT_FOUND')
    return reply.code(204).send()
  })
}

export default routes
