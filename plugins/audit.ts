import fp from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { idOf } from '../src/access/api-key.ts'
import type { ErrorCode } from '../src/errors/catalogue.ts'
import { ServiceError } from '../src/errors/service-error.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { LineLimiter } from '../src/kit/line-limiter.ts'

const REFUSALS: readonly ErrorCode[] = ['UNAUTHORIZED', 'FORBIDDEN', 'RATE_LIMITED']

/** Lines about one address and code in a second: what people and programs that are set up wrongly send. */
const REFUSAL_LINES = 10
/** Lines in a second, whoever they are about. */
const ALL_LINES = 100
/** Addresses that are counted apart. */
const MOST_ADDRESSES = 1_000

/**
 * Logs one line for each call that was refused because of who called: who, what and why, but never a secret. Of a flood
 * from one address some lines are left out; the next one tells how many.
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const all = new LineLimiter(ALL_LINES, clock)
    const refusals = new LRUCache<string, LineLimiter>({ max: MOST_ADDRESSES })
    const linesOf = (key: string): LineLimiter => {
      const lines = refusals.get(key) ?? new LineLimiter(REFUSAL_LINES, clock)
      refusals.set(key, lines)
      return lines
    }
    fastify.addHook('onError', (request, _reply, error, done) => {
      if (error instanceof ServiceError && REFUSALS.includes(error.code)) {
        const lines = linesOf(`${error.code} ${request.ip}`)
        if (!lines.hasRoom() || !all.hasRoom()) return done()
        const leftOut = lines.take() + all.take() || undefined
        const { apiKey, caller, ip, method, routeOptions } = request
        const key = apiKey === null ? undefined : idOf(apiKey)
        const call = { leftOut, code: error.code, caller, key, ip, method, route: routeOptions.url }
        request.log.warn(call, 'A call was refused')
      }
      done()
    })
  },
  { name: 'audit', dependencies: ['authentication'] },
)
