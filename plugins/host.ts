import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { AllowedHosts, readHost } from '../src/access/hosts.ts'
import { type Config, isLoopback } from '../src/config/config.ts'
import { errorAt, type ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * The error for a request whose host is refused; undefined when it is accepted.
     * @param anyHost whether the route accepts any host
     */
    hostError(request: IncomingMessage, anyHost: boolean): ServiceError | undefined
  }
  interface FastifyContextConfig {
    /** Whether the route accepts any host: probes may not know the name of the service. */
    anyHost?: boolean
  }
}

/**
 * Refuses requests for a host that is not one of the service's: this prevents DNS rebinding. A page can point its own host
 * name at the address of the service, and its scripts could then use the service; but browsers send that host name.
 */
export default fp(
  async (fastify) => {
    const allowed = allowedHostsOf(fastify.config)
    fastify.decorate('hostError', (request, anyHost) => {
      if (hasSeveralHosts(request)) return errorAt('Host', 'BAD_REQUEST')
      const { host } = request.headers
      if (allowed === null || anyHost) {
        // Node's own answer would have no body.
        return host === undefined && request.httpVersion === '1.1' ? errorAt('Host', 'BAD_REQUEST') : undefined
      }
      const isAllowed = host !== undefined && allowed.allows(host) && isTargetAllowed(request.url ?? '', allowed)
      return isAllowed ? undefined : errorAt('Host', 'HOST_NOT_ALLOWED')
    })
    fastify.addHook('onRequest', ({ raw, routeOptions }, _reply, done) => {
      done(fastify.hostError(raw, routeOptions.config.anyHost === true))
    })
  },
  { name: 'host', dependencies: ['config', 'request-id', 'safety-headers'] },
)

/** Null when any host is accepted. On loopback without keys, any page in the user's browser can reach the service. */
function allowedHostsOf({ host, apiKeysFile, allowedHosts }: Config): AllowedHosts | null {
  const isOpenToPages = apiKeysFile === null && isLoopback(host)
  if (!isOpenToPages && allowedHosts.length === 0) return null
  return new AllowedHosts(['localhost', '127.0.0.1', '[::1]', ...allowedHosts, readHost(host) ?? 'localhost'])
}

/** Node keeps only the first `Host` header; a proxy may have used another. */
function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts > 1
}

/** A host in the request line takes precedence over the header: `GET http://host/formulas HTTP/1.1`. */
function isTargetAllowed(target: string, allowed: AllowedHosts): boolean {
  if (target.startsWith('/')) return true
  const host = /^[^/?#]*:\/\/([^/?#]*)/.exec(target)?.[1]
  return host === undefined || allowed.allows(host)
}
