import sensible from '@fastify/sensible'
import fp from 'fastify-plugin'

/** Adds the helpers of @fastify/sensible: promises as values. */
export default fp(
  async (fastify) => {
    await fastify.register(sensible)
  },
  { name: 'sensible' },
)
