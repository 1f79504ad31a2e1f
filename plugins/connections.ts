import fp from 'fastify-plugin'
import { Connections } from '../src/connections.ts'

declare module 'fastify' {
  interface FastifyInstance {
    connections: Connections
  }
}

/** Decorates the instance with its open connections, and what is being answered on each. */
export default fp(
  async (fastify) => {
    fastify.decorate('connections', new Connections(fastify.server))
  },
  { name: 'connections' },
)
