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

const HOUR_MS = 3_600_000

/** Decorates the instance with the orchestrator, and finishes interrupted submissions before the first request. */
export default fp<OrchestratorPluginOptions>(
  async (fastify, { clock = systemClock, random = Math.random }) => {
    const { config, db, queue, idempotency, engines } = fastify
    const { cleanups, intake } = engines
    const orchestrator = new Orchestrator(
      { db, queue, idempotency, cleanups, intake },
      {
        retries: config.submitRetries,
        baseMs: config.submitRetryBaseMs,
        maxMs: config.submitRetryMaxMs,
        deadlineMs: config.submitDeadlineMs,
        waitMs: config.idempotencyWaitMs,
        retentionMs: config.eventRetentionHours * HOUR_MS,
        clock,
        random,
        newId: randomUUID,
        log: fastify.log,
        observer: fastify.metrics.submissions,
        tracer: fastify.tracer,
      },
    )
    fastify.decorate('orchestrator', orchestrator)
    fastify.addHook('onReady', () => orchestrator.start())
    fastify.addHook('preClose', async () => orchestrator.stop())
    fastify.addHook('onClose', () => orchestrator.close())
  },
  { name: 'orchestrator', dependencies: ['config', 'db', 'queue', 'idempotency', 'metrics', 'tracing', 'closing'] },
)
