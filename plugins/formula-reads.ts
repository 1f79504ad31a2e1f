import fp from 'fastify-plugin'
import { ServiceError } from '../src/errors/service-error.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { ConcurrencyLimit } from '../src/kit/concurrency-limit.ts'
import { PAGE_BYTES } from '../src/stores/page.ts'
import type { FormulaDb } from '../src/stores/ports.ts'

declare module 'fastify' {
  interface FastifyInstance {
    formulaReads: Pick<FormulaDb, 'get' | 'list'>
  }
}

/** Concurrent reads of pages: each may take 4 MiB, and readiness probes wait behind them. */
const MAX_LISTS = 4
/** Concurrent reads of single formulas. */
const MAX_GETS = 32

/**
 * Decorates the instance with reads of formulas in bounded memory: a limited number at a time, and none while too many
 * bytes of earlier answers are unread by clients.
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const { db } = fastify
    const { unread } = fastify.connections
    const lists = new ConcurrencyLimit(MAX_LISTS, clock)
    const gets = new ConcurrencyLimit(MAX_GETS, clock)
    const read = <T>(limit: ConcurrencyLimit, bytes: number, call: () => Promise<T>): Promise<T> =>
      limit.run(() => {
        if (!unread.fits(bytes)) throw new ServiceError('SERVICE_OVERLOADED')
        return call()
      })
    fastify.decorate('formulaReads', {
      list: (query) => read(lists, PAGE_BYTES, () => db.list(query)),
      get: (id) => read(gets, 0, () => db.get(id)),
    })
  },
  { name: 'formula-reads', dependencies: ['db', 'connections'] },
)
