import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { errorBody, ServiceError } from '../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether requests to the route are refused while more submissions are under way than can end soon. */
    sheds?: boolean
  }
}

/** Most submissions under way at a time: what is committed within some tenths of a second. */
const MOST_SUBMISSIONS = 4_096
/** Most formulas in them: what is committed within a second, and held in some 100 MB. */
const MOST_FORMULAS = 65_536

const BODY = JSON.stringify(errorBody('SERVICE_OVERLOADED'))
const HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'Content-Length': Buffer.byteLength(BODY),
  'Cache-Control': 'no-store',
  'Retry-After': new ServiceError('SERVICE_OVERLOADED').retryAfter,
}

/**
 * Refuses submissions past what the stores can take, before their body is read: those that are taken in do not wait long
 * then, and memory stays bounded.
 */
export default fp(
  async (fastify) => {
    fastify.addHook('onRequest', (request, reply, done) => {
      if (!request.routeOptions.config.sheds) return done()
      const { submissions, formulas } = fastify.orchestrator.load
      if (submissions < MOST_SUBMISSIONS && formulas < MOST_FORMULAS) done()
      else {
        fastify.metrics.submissionEnded('overloaded')
        refuse(reply)
      }
    })
  },
  { name: 'overload', dependencies: ['orchestrator', 'metrics', 'request-id', 'authorization'] },
)

/** Sends the answer past everything that other answers go through: what is spent on it, accepted ones lack. */
function refuse(reply: FastifyReply): void {
  reply.hijack()
  const headers: OutgoingHttpHeaders = { ...(reply.getHeaders() as OutgoingHttpHeaders), ...HEADERS }
  reply.raw.writeHead(503, headers).end(BODY)
}
