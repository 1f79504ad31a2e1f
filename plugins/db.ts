import fp from 'fastify-plugin'
import type { FormulaDb } from '../src/stores/ports.ts'

declare module 'fastify' {
  interface FastifyInstance {
    db: FormulaDb
  }
}

/** Decorates the instance with the formula database of the configured engine. */
export default fp(
  async (fastify) => {
    fastify.decorate('db', fastify.engines.db)
  },
  { name: 'db', dependencies: ['engines'] },
)
