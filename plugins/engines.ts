import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { openStores } from '../src/stores/open.ts'
import type { Stores } from '../src/stores/ports.ts'

declare module 'fastify' {
  interface FastifyInstance {
    engines: Stores
  }
}

const HOUR_MS = 3_600_000

export interface EnginesOptions {
  clock?: Clock
  /** Used instead of the configured stores. */
  stores?: Stores
}

/** Decorates the instance with the configured stores. They are opened here and closed last of all. */
export default fp<EnginesOptions>(
  async (fastify, { clock = systemClock, stores }) => {
    const { database, queue, idempotencyTtlHours, eventMaxReceives } = fastify.config
    const options = {
      clock,
      answerTtlMs: idempotencyTtlHours * HOUR_MS,
      maxReceives: eventMaxReceives,
      onCommit: fastify.metrics.committed,
    }
    const warn = (message: string): void => fastify.log.warn(message)
    const engines = stores ?? (await openStores({ database, queue, options, warn }))
    fastify.decorate('engines', engines)
    fastify.addHook('onClose', () => engines.close())
  },
  { name: 'engines', dependencies: ['config', 'metrics'] },
)
