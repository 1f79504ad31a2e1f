import sensible from '@fastify/sensible'
import fp from 'fastify-plugin'

/** Registers @fastify/sensible, for `fastify.to`. */
export default fp(
  async (fastify) => {
    await fastify.register(sensible)
  },
  { name: 'sensible' },
)
