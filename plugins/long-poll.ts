import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { LongPoll } from '../src/outbox/long-poll.ts'

declare module 'fastify' {
  interface FastifyInstance {
    longPoll: LongPoll
  }
}

/** Decorates the instance with the long polling of consumers. Waiting polls end when the instance closes. */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const longPoll = new LongPoll(fastify.queue, clock)
    fastify.decorate('longPoll', longPoll)
    fastify.addHook('preClose', async () => longPoll.stop())
  },
  { name: 'long-poll', dependencies: ['queue', 'closing'] },
)
