import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fp from 'fastify-plugin'
import helmet, { type HelmetOptions } from 'helmet'

declare module 'fastify' {
  interface FastifyInstance {
    /** What each answer tells browsers. */
    safetyHeaders: Readonly<Record<string, string>>
    /** What a page tells them in place of that. */
    pageHeaders: Readonly<Record<string, string>>
  }
}

/** For answers that are data: no browser is to take them for a page, run what they hold or show them in a frame. */
const FOR_DATA: HelmetOptions = {
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  xFrameOptions: { action: 'deny' },
  // Whoever ends TLS knows whether all of the host has it.
  strictTransportSecurity: false,
  // These matter for pages only, or to browsers long gone, and each takes time on each reply.
  crossOriginOpenerPolicy: false,
  crossOriginResourcePolicy: false,
  referrerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
}

/** For a page: it runs its own scripts and styles alone, talks to this service alone, and nobody frames it. */
const FOR_PAGE: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      connectSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' },
  referrerPolicy: { policy: 'no-referrer' },
  strictTransportSecurity: false,
}

/** Sets helmet's headers on each reply. A route that answers with a page sets `pageHeaders` in their place. */
export default fp(
  async (fastify) => {
    // What is data is also kept by no cache, unless its route says otherwise.
    const headers = { ...helmetHeaders(FOR_DATA), 'cache-control': 'no-store' }
    fastify.decorate('safetyHeaders', headers)
    fastify.decorate('pageHeaders', helmetHeaders(FOR_PAGE))
    fastify.addHook('onRequest', (_request, reply, done) => {
      reply.headers(headers)
      done()
    })
  },
  { name: 'safety-headers' },
)

/** The headers are the same for every reply, so helmet is asked once: for each, it would make them anew. */
function helmetHeaders(options: HelmetOptions): Record<string, string> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  helmet(options)(request, response, () => {})
  return response.getHeaders() as Record<string, string>
}
