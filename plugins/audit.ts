import fp from 'fastify-plugin'
import { idOf } from '../src/access/api-key.ts'
import type { ErrorCode } from '../src/errors/catalogue.ts'
import { ServiceError } from '../src/errors/service-error.ts'

const REFUSALS: readonly ErrorCode[] = ['UNAUTHORIZED', 'FORBIDDEN', 'RATE_LIMITED']

/** Logs one line for each call that was refused because of who called: who, what and why, but never a secret. */
export default fp(
  async (fastify) => {
    fastify.addHook('onError', (request, _reply, error, done) => {
      if (error instanceof ServiceError && REFUSALS.includes(error.code)) {
        const { apiKey, caller, ip, method, routeOptions } = request
        const key = apiKey === null ? undefined : idOf(apiKey)
        request.log.warn({ code: error.code, caller, key, ip, method, route: routeOptions.url }, 'A call was refused')
      }
      done()
    })
  },
  { name: 'audit', dependencies: ['authentication'] },
)
