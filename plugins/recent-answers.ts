import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { RecentAnswers } from '../src/submission/recent-answers.ts'

declare module 'fastify' {
  interface FastifyInstance {
    recentAnswers: RecentAnswers
  }
}

/** Decorates the instance with a cache of recent answers to submissions. */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    fastify.decorate('recentAnswers', new RecentAnswers(clock, fastify.orchestrator.erasures))
  },
  { name: 'recent-answers', dependencies: ['orchestrator'] },
)
