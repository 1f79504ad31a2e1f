import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fp from 'fastify-plugin'
import helmet, { type HelmetOptions } from 'helmet'

declare module 'fastify' {
  interface FastifyInstance {
    /** Security headers of answers, except pages. */
    safetyHeaders: Readonly<Record<string, string>>
    /** Security headers of pages. */
    pageHeaders: Readonly<Record<string, string>>
  }
}

/** For data: browsers must not render it as a page, run scripts in it or show it in a frame. */
const FOR_DATA: HelmetOptions = {
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  xFrameOptions: { action: 'deny' },
  // The TLS terminator decides whether the whole host uses TLS.
  strictTransportSecurity: false,
  // Relevant only to pages or to obsolete browsers; each header costs time on every reply.
  crossOriginOpenerPolicy: false,
  crossOriginResourcePolicy: false,
  referrerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
}

/** For pages: only their own scripts and styles run, they connect to this service only, and they cannot be framed. */
const FOR_PAGE: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      connectSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' },
  referrerPolicy: { policy: 'no-referrer' },
  strictTransportSecurity: false,
}

/** Sets helmet's headers on each reply. Routes that answer with a page set `pageHeaders` instead. */
export default fp(
  async (fastify) => {
    // Data is not cached either, unless its route allows it.
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

/** The headers never change: helmet runs once instead of on every reply. */
function helmetHeaders(options: HelmetOptions): Record<string, string> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  helmet(options)(request, response, () => {})
  return response.getHeaders() as Record<string, string>
}
