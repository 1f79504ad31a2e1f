import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { AllowedHosts, readHost } from '../src/access/hosts.ts'
import { type Config, isLoopback } from '../src/config/config.ts'
import { detail, ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Why a request may not be answered by the host it names; undefined where it may. */
    refusedHost(request: IncomingMessage, isForAnyHost: boolean): ServiceError | undefined
  }
  interface FastifyContextConfig {
    /** Whether the route answers under any name: who watches the service may not know how it is called. */
    anyHost?: boolean
  }
}

/**
 * Refuses requests that name another host than the service has. A page can give its own name the address of the service
 * (DNS rebinding), and its scripts could then read and send what they like; but the browser names that host.
 */
export default fp(
  async (fastify) => {
    const allowed = hostsToCompare(fastify.config)
    fastify.decorate('refusedHost', (request, isForAnyHost) => {
      if (hasSeveralHosts(request)) return refusal('BAD_REQUEST')
      const { host } = request.headers
      if (allowed === null || isForAnyHost) {
        // Node itself would answer without a body.
        return host === undefined && request.httpVersion === '1.1' ? refusal('BAD_REQUEST') : undefined
      }
      const isAllowed = host !== undefined && allowed.allows(host) && isTargetAllowed(request.url ?? '', allowed)
      return isAllowed ? undefined : refusal('HOST_NOT_ALLOWED')
    })
    fastify.addHook('onRequest', ({ raw, routeOptions }, _reply, done) => {
      done(fastify.refusedHost(raw, routeOptions.config.anyHost === true))
    })
  },
  { name: 'host', dependencies: ['config', 'request-id', 'safety-headers'] },
)

/** Null where any host will do. Without keys on loopback, reaching the port is all it takes, and pages do through browsers. */
function hostsToCompare({ host, apiKeysFile, allowedHosts }: Config): AllowedHosts | null {
  const isOpenToPages = apiKeysFile === null && isLoopback(host)
  if (!isOpenToPages && allowedHosts.length === 0) return null
  return new AllowedHosts(['localhost', '127.0.0.1', '[::1]', ...allowedHosts, readHost(host) ?? 'localhost'])
}

const refusal = (code: 'BAD_REQUEST' | 'HOST_NOT_ALLOWED'): ServiceError =>
  new ServiceError(code, { details: [detail('Host', code)] })

/** Of several, Node shows the first alone; a proxy before it may have gone by another. */
function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts > 1
}

/** A request line may name a host as well, which counts instead of the header's: `GET http://host/formulas HTTP/1.1`. */
function isTargetAllowed(target: string, allowed: AllowedHosts): boolean {
  if (target.startsWith('/')) return true
  const host = /^[^/?#]*:\/\/([^/?#]*)/.exec(target)?.[1]
  return host === undefined || allowed.allows(host)
}
