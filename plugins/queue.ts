import fp from 'fastify-plugin'
import type { EventQueue } from '../src/stores/ports.ts'

declare module 'fastify' {
  interface FastifyInstance {
    queue: EventQueue
  }
}

/** Decorates the instance with the event queue of the configured engine. */
export default fp(
  async (fastify) => {
    fastify.decorate('queue', fastify.engines.queue)
  },
  { name: 'queue', dependencies: ['engines'] },
)
