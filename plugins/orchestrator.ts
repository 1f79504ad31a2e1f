import { randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import { type Clock, type Random, systemClock } from '../src/kit/clock.ts'
import { Orchestrator } from '../src/submission/orchestrator.ts'

declare module 'fastify' {
  interface FastifyInstance {
    orchestrator: Orchestrator
  }
}

export interface OrchestratorPluginOptions {
  clock?: Clock
  random?: Random
}

/** Decorates the instance with what runs submissions. It works off what a crash left before the first request. */
export default fp<OrchestratorPluginOptions>(
  async (fastify, { clock = systemClock, random = Math.random }) => {
    const { submitRetries, submitRetryBaseMs, submitRetryMaxMs, submitDeadlineMs, idempotencyWaitMs } = fastify.config
    const orchestrator = new Orchestrator(fastify.engines, {
      retries: submitRetries,
      baseMs: submitRetryBaseMs,
      maxMs: submitRetryMaxMs,
      deadlineMs: submitDeadlineMs,
      waitMs: idempotencyWaitMs,
      clock,
      random,
      newId: randomUUID,
      log: fastify.log,
      observer: fastify.metrics.submissions,
      tracer: fastify.tracing.tracer,
    })
    fastify.decorate('orchestrator', orchestrator)
    fastify.addHook('onReady', () => orchestrator.start())
    fastify.addHook('preClose', async () => orchestrator.stop())
    fastify.addHook('onClose', () => orchestrator.close())
  },
  { name: 'orchestrator', dependencies: ['config', 'engines', 'metrics', 'tracing', 'closing'] },
)
