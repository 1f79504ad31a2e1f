import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { RecentAnswers } from '../src/submission/recent-answers.ts'

declare module 'fastify' {
  interface FastifyInstance {
    recentAnswers: RecentAnswers
  }
}

/** Decorates the instance with the answers to submissions that it gave last. */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    fastify.decorate('recentAnswers', new RecentAnswers(clock))
  },
  { name: 'recent-answers' },
)
