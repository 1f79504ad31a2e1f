import fp from 'fastify-plugin'
import { detail, type ErrorDetail } from '../src/errors/service-error.ts'
import { type Clock, Deadline, systemClock } from '../src/kit/clock.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** @returns one entry for each store that is not available */
    readiness(): Promise<ErrorDetail[]>
  }
}

/** Time limit of a probe, in milliseconds. */
const PROBE_MS = 2000
/** How long a result is cached, in milliseconds: a probe writes to the disk. */
const CACHE_MS = 1000

/** Decorates the instance with a check of its stores. Concurrent callers share one check. */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const isAvailable = async (probe: Promise<void>): Promise<boolean> => {
      const [error] = await fastify.to(new Deadline(clock, PROBE_MS).bound(probe))
      if (error) fastify.log.warn({ err: error }, 'a store does not answer')
      return !error
    }
    const probe = async (): Promise<ErrorDetail[]> => {
      const [db, queue] = await Promise.all([isAvailable(fastify.db.probe()), isAvailable(fastify.queue.probe())])
      return [
        ...(db ? [] : [detail('db', 'STORE_UNAVAILABLE')]),
        ...(queue ? [] : [detail('queue', 'STORE_UNAVAILABLE')]),
      ]
    }
    let latest: { answer: Promise<ErrorDetail[]>; until: Deadline | null } | null = null
    fastify.decorate('readiness', () => {
      if (latest === null || latest.until?.left === 0) {
        const current: typeof latest = { answer: probe(), until: null }
        latest = current
        current.answer.finally(() => {
          current.until = new Deadline(clock, CACHE_MS)
        })
      }
      return latest.answer
    })
  },
  { name: 'readiness', dependencies: ['sensible', 'db', 'queue'] },
)
