import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ServiceError } from '../../../src/errors/service-error.ts'
import { isoTime } from '../../../src/kit/clock.ts'
import { toMessage } from '../../../src/outbox/message.ts'
import { DEFAULT_SUBSCRIPTION, type DeadEvent } from '../../../src/stores/ports.ts'
import { linkNext, readCursor } from '../../schemas.ts'
import { listDead, redriveDead, removeDead } from './schemas.ts'

const toDead = (event: DeadEvent) => {
  const { receiveCount, diedAt, reason, detail } = event
  return { ...toMessage(event), receiveCount, diedAt: isoTime(diedAt), reason, detail }
}

const config = { scope: 'admin' } as const

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get('', { schema: listDead, config }, async ({ query }, reply) => {
    const { limit = 50, cursor, subscription = DEFAULT_SUBSCRIPTION } = query
    const page = await fastify.queue.dead(subscription, limit, readCursor('dead', cursor).before)
    return { events: page.items.map(toDead), nextCursor: linkNext(reply, 'dead', page.next) }
  })

  fastify.post('/redrive', { schema: redriveDead, config }, async (request) => {
    const { ids, subscription = DEFAULT_SUBSCRIPTION } = request.body
    request.audit = { subscription }
    return { redriven: await fastify.queue.redrive(subscription, ids) }
  })

  fastify.delete('/:id', { schema: removeDead, config }, async (request, reply) => {
    const { subscription = DEFAULT_SUBSCRIPTION } = request.query
    request.audit = { subscription }
    if (!(await fastify.queue.removeDead(subscription, request.params.id))) throw new ServiceError('EVENT_NOT_FOUND')
    return reply.code(204).send()
  })
}

export default routes
