import fp from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { idOf } from '../src/access/api-key.ts'
import type { ErrorCode } from '../src/errors/catalogue.ts'
import { ServiceError } from '../src/errors/service-error.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { LineLimiter } from '../src/kit/line-limiter.ts'

const REFUSALS: readonly ErrorCode[] = ['UNAUTHORIZED', 'FORBIDDEN', 'RATE_LIMITED']

/** Lines per second for one address and code: enough for misconfigured clients. */
const REFUSAL_LINES = 10
/** Lines per second in total. */
const ALL_LINES = 100
/** How many pairs of address and code have a limit of their own. */
const MAX_LIMITERS = 1_000

/**
 * Logs calls that were refused because of their caller: who, what and why, never a secret. Lines past the limits are
 * dropped; the next line says how many (`leftOut`).
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const all = new LineLimiter(ALL_LINES, clock)
    const refusals = new LRUCache<string, LineLimiter>({ max: MAX_LIMITERS })
    const limiterOf = (key: string): LineLimiter => {
      const limiter = refusals.get(key) ?? new LineLimiter(REFUSAL_LINES, clock)
      refusals.set(key, limiter)
      return limiter
    }
    fastify.addHook('onError', (request, _reply, error, done) => {
      if (error instanceof ServiceError && REFUSALS.includes(error.code)) {
        const limiter = limiterOf(`${error.code} ${request.ip}`)
        if (!limiter.admitOrDrop() || !all.admitOrDrop()) return done()
        const leftOut = limiter.countWritten() + all.countWritten() || undefined
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
