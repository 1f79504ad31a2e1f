import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ServiceError } from '../../src/errors/service-error.ts'
import { live, ready } from './schemas.ts'

const config = { public: true, anyHost: true }

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/live',
    { schema: live, config: { ...config, whileClosing: true } },
    async () => ({ status: 'ok' }) as const,
  )

  fastify.get('/ready', { schema: ready, config }, async () => {
    const details = await fastify.readiness()
    if (details.length > 0) throw new ServiceError('STORE_UNAVAILABLE', { details })
    return { status: 'ok', db: 'ok', queue: 'ok' } as const
  })
}

export default routes
