import fp from 'fastify-plugin'
import type { IdempotencyStore } from '../src/stores/ports.ts'

declare module 'fastify' {
  interface FastifyInstance {
    idempotency: IdempotencyStore
  }
}

/** Decorates the instance with the idempotency store of the configured engine. */
export default fp(
  async (fastify) => {
    fastify.decorate('idempotency', fastify.engines.idempotency)
  },
  { name: 'idempotency', dependencies: ['engines'] },
)
