import fp from 'fastify-plugin'
import { ServiceError } from '../src/errors/service-error.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { Turns } from '../src/kit/concurrency-limit.ts'
import { PAGE_BYTES } from '../src/stores/page.ts'
import type { FormulaDb } from '../src/stores/ports.ts'

declare module 'fastify' {
  interface FastifyInstance {
    db: Pick<FormulaDb, 'get' | 'list' | 'probe'>
  }
}

/** Most pages that are read at a time: each may take 4 MiB, and a probe waits behind them. */
const MOST_LISTS = 4
/** Most formulas that are read at a time, each for itself. */
const MOST_GETS = 32

/**
 * Decorates the instance with what is read of the database of formulas. So much is read at a time, and nothing while
 * clients do not take the answers they have.
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const { db } = fastify.engines
    const { unread } = fastify.connections
    const [lists, gets] = [new Turns({ clock, most: MOST_LISTS }), new Turns({ clock, most: MOST_GETS })]
    const read = <T>(turns: Turns, bytes: number, call: () => Promise<T>): Promise<T> =>
      turns.run(() => {
        if (!unread.fits(bytes)) throw new ServiceError('SERVICE_OVERLOADED')
        return call()
      })
    fastify.decorate('db', {
      list: (query) => read(lists, PAGE_BYTES, () => db.list(query)),
      get: (id) => read(gets, 0, () => db.get(id)),
      probe: () => db.probe(),
    })
  },
  { name: 'db', dependencies: ['engines', 'connections'] },
)
