import type {
  FastifyBaseLogger,
  FastifyReply,
  FastifyRequest,
  onErrorHookHandler,
  onSendHookHandler,
  RouteOptions,
} from 'fastify'
import fp from 'fastify-plugin'
import { idOf } from '../src/access/api-key.ts'
import { CHANGING_METHODS } from '../src/access/hosts.ts'
import { toServiceError } from '../src/errors/from-http.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The log of administrative calls, written even when `LOG_LEVEL` is above info. */
    auditLog: FastifyBaseLogger
  }
  interface FastifyRequest {
    /** Fields that a route adds to its audit line. */
    audit: Readonly<Record<string, unknown>> | null
  }
}

/** Maximum number of ids in one line; `idsGiven` is the number in the request. */
const MAX_IDS = 100

/**
 * Logs each successful call of a route that changes state and requires the scope `admin`, whether or not keys are in use.
 * Also logs a failed call that the service will still carry out (`owed`), or may have carried out because a store did not
 * answer (`outcome`): a repeat would find nothing to do, and leave no line.
 * The line is written before the answer is sent, so that a caller who hangs up cannot avoid it.
 */
export default fp(
  async (fastify) => {
    const level = fastify.config.logLevel === 'silent' ? 'silent' : 'info'
    fastify.decorate('auditLog', fastify.log.child({ audit: true }, { level }))
    fastify.decorateRequest('audit', null)
    fastify.addHook('onRoute', (route) => {
      if (!isAdministrative(route)) return
      route.onError = [route.onError ?? [], noteUnknownOutcome].flat()
      route.onSend = [route.onSend ?? [], logCall].flat()
    })
  },
  { name: 'audit-trail', dependencies: ['config'] },
)

function isAdministrative({ method, config }: RouteOptions): boolean {
  const scopes = [config?.scope ?? 'admin'].flat()
  return [method].flat().some((name) => CHANGING_METHODS.includes(name)) && scopes.every((scope) => scope === 'admin')
}

const noteUnknownOutcome: onErrorHookHandler = (request, _reply, thrown, done) => {
  const error = toServiceError(thrown)
  // Our own errors say what happened; after any other, a store may have made the change.
  if (error.status >= 500 && error !== thrown) request.audit = { ...request.audit, outcome: 'unknown' }
  done()
}

const logCall: onSendHookHandler = function (request, reply, payload, done) {
  const { audit } = request
  if (audit?.outcome === 'unknown') {
    this.auditLog.info(fieldsOf(request, reply, payload), 'An administrative call may have been carried out')
  } else if (reply.statusCode < 400 || audit?.owed === true) {
    this.auditLog.info(fieldsOf(request, reply, payload), 'An administrative call was carried out')
  }
  done()
}

function fieldsOf(request: FastifyRequest, reply: FastifyReply, payload: unknown): object {
  const { apiKey, audit, body, caller, id, ip, method, params, routeOptions } = request
  const key = apiKey === null ? undefined : idOf(apiKey)
  const who = { reqId: id, caller, key, ip, method, route: routeOptions.url, status: reply.statusCode }
  return { ...(params as object), ...idsIn(body), ...countsIn(payload), ...audit, ...who }
}

/** The first ids of a body. A body without ids acts on everything. */
function idsIn(body: unknown): object {
  const { ids } = (body ?? {}) as { ids?: unknown }
  return Array.isArray(ids) ? { ids: ids.slice(0, MAX_IDS), idsGiven: ids.length } : {}
}

/** The counts of an answer, such as `redriven`. */
function countsIn(payload: unknown): object {
  if (typeof payload !== 'string' || !payload.startsWith('{')) return {}
  return Object.fromEntries(Object.entries(JSON.parse(payload)).filter(([, value]) => typeof value === 'number'))
}
