import type { OutgoingHttpHeaders } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { errorBody, ServiceError } from '../src/errors/service-error.ts'
import { type Room, SMALL_BYTES } from '../src/kit/byte-budget.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What its body takes of the room for bodies, in bytes. */
    bodyBytes: number
    /** Whether what still arrives of its body is of no use. */
    isAnswered: boolean
  }
  interface FastifyContextConfig {
    /** Whether requests to the route are refused while more submissions are under way than can end soon. */
    sheds?: boolean
  }
}

/** Most submissions under way at a time: what is committed within some tenths of a second. */
const MOST_SUBMISSIONS = 4_096
/** Most formulas in them: what is committed within a second. */
const MOST_FORMULAS = 65_536
/** Most requests of one connection that are not answered yet. */
const MOST_PIPELINED = 32

const BODY = JSON.stringify(errorBody('SERVICE_OVERLOADED'))
const HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'Content-Length': Buffer.byteLength(BODY),
  'Retry-After': new ServiceError('SERVICE_OVERLOADED').retryAfter,
}

/**
 * Refuses submissions past what the stores can take, and any body past what there is room for, before it is read: those
 * that are taken in do not wait long then, and memory stays bounded. A body counts until its answer, for a submission may
 * wait for as long as that: a small one from its headers on, any other as it arrives, so that what is only announced shuts
 * nobody out.
 */
export default fp(
  async (fastify) => {
    const { bodies, unread } = fastify.connections
    const { bodyLimitBytes } = fastify.config
    const fits = (bytes: number): boolean => bytes === 0 || (bodies.fits(bytes) && unread.fits(bytes))
    fastify.decorateRequest('bodyBytes', 0)
    fastify.decorateRequest('isAnswered', false)
    fastify.addHook('onRequest', (request, reply, done) => {
      const { sheds = false } = request.routeOptions.config
      const announced = Number(request.headers['content-length'] ?? 0)
      // What is too large is refused without being read.
      const bytes = announced > bodyLimitBytes ? 0 : announced
      const isTooMuch =
        !fits(bytes) ||
        fastify.connections.unanswered(request.raw.socket) >= MOST_PIPELINED ||
        (sheds && isBusy(fastify.orchestrator.load))
      if (isTooMuch) {
        if (sheds) fastify.metrics.submissionEnded('overloaded')
        return refuse(reply)
      }
      if (bytes <= SMALL_BYTES) take(bodies, request, bytes)
      done()
    })
    fastify.addHook('preParsing', (request, _reply, payload, done) => {
      const { 'transfer-encoding': coding, 'content-length': length = 0 } = request.headers
      if (coding === undefined && Number(length) <= SMALL_BYTES) done(null, payload)
      else done(null, measured(payload, request, bodies))
    })
    fastify.addHook('onSend', (request, _reply, _payload, done) => {
      request.isAnswered = true
      if (request.bodyBytes > 0) take(bodies, request, -request.bodyBytes)
      done()
    })
  },
  { name: 'overload', dependencies: ['orchestrator', 'metrics', 'request-id', 'authorization', 'connections'] },
)

const isBusy = ({ submissions, formulas }: { submissions: number; formulas: number }): boolean =>
  submissions >= MOST_SUBMISSIONS || formulas >= MOST_FORMULAS

function take(bodies: Room, request: FastifyRequest, bytes: number): void {
  request.bodyBytes += bytes
  bodies.take(bytes)
}

/** Lets a body through as far as there is room for it. */
function measured(payload: Readable, request: FastifyRequest, bodies: Room): Readable {
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (request.isAnswered) return done()
      if (!bodies.fits(chunk.length, request.bodyBytes)) return done(new ServiceError('SERVICE_OVERLOADED'))
      take(bodies, request, chunk.length)
      done(null, chunk)
    },
  })
  payload.on('error', (error) => through.destroy(error))
  return payload.pipe(through)
}

/** Sends the answer past everything that other answers go through: what is spent on it, accepted ones lack. */
function refuse(reply: FastifyReply): void {
  reply.hijack()
  const headers: OutgoingHttpHeaders = { ...(reply.getHeaders() as OutgoingHttpHeaders), ...HEADERS }
  reply.raw.writeHead(503, headers).end(BODY)
}
