import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ServiceError } from '../../../../src/errors/service-error.ts'
import { isFingerprint } from '../../../../src/formula/identity.ts'
import { isoTimeOrNull } from '../../../../src/kit/clock.ts'
import type { Delivery } from '../../../../src/stores/ports.ts'
import { listDeliveries } from './schemas.ts'

const toShown = ({ dueAt, diedAt, ...others }: Delivery) => {
  return { ...others, dueAt: isoTimeOrNull(dueAt), diedAt: isoTimeOrNull(diedAt) }
}

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get('', { schema: listDeliveries, config: { scope: 'admin' } }, async ({ params: { id } }) => {
    const formula = isFingerprint(id) ? await fastify.formulaReads.get(id) : null
    if (formula === null) throw new ServiceError('FORMULA_NOT_FOUND')
    return { deliveries: (await fastify.queue.deliveries(id, formula.seq)).map(toShown) }
  })
}

export default routes
