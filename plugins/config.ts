import fp from 'fastify-plugin'
import type { Config } from '../src/config/config.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
  }
}

/** Decorates the instance with the configuration it was started with. */
export default fp<{ config: Config }>(
  async (fastify, { config }) => {
    fastify.decorate('config', config)
  },
  { name: 'config' },
)
