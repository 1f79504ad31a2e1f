import type { OutgoingHttpHeaders } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { writeError } from '../src/errors/problem.ts'
import { errorBody, invalidJson, ServiceError } from '../src/errors/service-error.ts'
import { codingOf } from '../src/http/content-coding.ts'
import { type ByteBudget, SMALL_BYTES } from '../src/kit/byte-budget.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Bytes of its body that count against the budget for bodies. */
    bodyBytes: number
    /** Whether it is answered: the rest of its body is discarded. */
    isAnswered: boolean
  }
  interface FastifyContextConfig {
    /** Whether requests are refused while too many submissions are under way. */
    loadShedding?: boolean
  }
}

/** Limit of submissions under way: these are committed within a few tenths of a second. */
const MAX_SUBMISSIONS = 4_096
/** Limit of formulas in them: these are committed within a second. */
const MAX_FORMULAS = 65_536
/** Limit of unanswered requests on one connection. */
const MAX_PIPELINED = 32

const BODY = errorBody('SERVICE_OVERLOADED')
const { retryAfter: RETRY_AFTER } = new ServiceError('SERVICE_OVERLOADED')

/**
 * Load shedding: refuses submissions beyond what the stores can commit soon, and bodies beyond the byte budget, before
 * they are read. So accepted requests do not wait long, and memory stays bounded. A body counts until its answer, because
 * a submission may wait that long. A small body counts from its headers on, a larger one as it arrives, so that bodies that
 * are only announced block nobody.
 */
export default fp(
  async (fastify) => {
    const { bodies, unread } = fastify.connections
    const { bodyLimitBytes } = fastify.config
    const fits = (bytes: number): boolean => bytes === 0 || (bodies.fits(bytes) && unread.fits(bytes))
    fastify.decorateRequest('bodyBytes', 0)
    fastify.decorateRequest('isAnswered', false)
    fastify.addHook('onRequest', (request, reply, done) => {
      const { loadShedding = false } = request.routeOptions.config
      const announced = Number(request.headers['content-length'] ?? 0)
      // A body over the limit is refused without being read.
      const bytes = announced > bodyLimitBytes ? 0 : announced
      const isTooMuch =
        !fits(bytes) ||
        fastify.connections.unanswered(request.raw.socket) >= MAX_PIPELINED ||
        (loadShedding && isBusy(fastify.orchestrator.load))
      if (isTooMuch) {
        if (loadShedding) fastify.metrics.submissionEnded('overloaded')
        return refuse(reply)
      }
      if (bytes <= SMALL_BYTES) take(bodies, request, bytes)
      done()
    })
    fastify.addHook('preParsing', (request, _reply, payload, done) => {
      const { 'transfer-encoding': coding, 'content-length': length = 0 } = request.headers
      const isSmall = coding === undefined && Number(length) <= SMALL_BYTES
      if (isSmall && codingOf(request) !== 'gzip') done(null, payload)
      else done(null, counted(payload, request, bodies))
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
  submissions >= MAX_SUBMISSIONS || formulas >= MAX_FORMULAS

function take(bodies: ByteBudget, request: FastifyRequest, bytes: number): void {
  request.bodyBytes += bytes
  bodies.take(bytes)
}

/** Counts a body as it arrives, after decompression, and fails once it exceeds the budget. */
function counted(payload: Readable, request: FastifyRequest, bodies: ByteBudget): Readable {
  const gunzip = codingOf(request) === 'gzip' ? createGunzip() : null
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (request.isAnswered) {
        // The rest of a bomb is not decompressed.
        gunzip?.destroy()
        return done()
      }
      if (!bodies.fits(chunk.length, request.bodyBytes)) return done(new ServiceError('SERVICE_OVERLOADED'))
      take(bodies, request, chunk.length)
      done(null, chunk)
    },
  })
  // An error that comes after the answer has no other listener.
  through.on('error', () => {})
  payload.on('error', (error) => through.destroy(error))
  if (gunzip === null) return payload.pipe(through)
  gunzip.on('error', () =>
    through.destroy(new ServiceError('INVALID_JSON', { details: [invalidJson('it is not gzip')] })),
  )
  // Fastify compares this with the announced length, which Node has made sure of.
  Object.assign(through, { receivedEncodedLength: Number(request.headers['content-length'] ?? 0) })
  return payload.pipe(gunzip).pipe(through)
}

/** Answers without Fastify's reply pipeline, so that a refusal costs as little as possible. */
function refuse(reply: FastifyReply): void {
  reply.hijack()
  const { type, text } = writeError(BODY, reply.request.headers.accept)
  const headers: OutgoingHttpHeaders = {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Retry-After': RETRY_AFTER,
  }
  reply.raw.writeHead(503, headers).end(text)
}
