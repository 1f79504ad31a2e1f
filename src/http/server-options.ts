import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Config } from '../config/config.ts'
import { codeOfParserError, rawErrorAnswer, toServiceError } from '../errors/from-http.ts'
import { writeError } from '../errors/problem.ts'
import { errorBody } from '../errors/service-error.ts'
import { ClosingResponse, continueOnRead } from './unread-body.ts'

type ServerOptions = FastifyHttpOptions<Server>
export type Logging = NonNullable<ServerOptions['logger']>

/** Body limit of requests other than submissions: 1,000 ids take half of it. */
const DEFAULT_BODY_BYTES = 131_072

/** Sets up what Fastify has no options for. */
export function setUpServer(app: FastifyInstance): void {
  app.server.on('checkExpectation', (request, response) => refuseExpectation(app, request, response))
  continueOnRead(app.server)
  // A client that closes its half of the connection after the request still gets the answer.
  Object.assign(app.server, { httpAllowHalfOpen: true })
}

/** The limits of the HTTP server, and its answers to requests that reach no route. */
export function serverOptions(config: Config, logger: Logging): ServerOptions {
  const longestAnswerMs = config.submitDeadlineMs + config.idempotencyWaitMs
  return {
    logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    // Routes for submissions set their own.
    bodyLimit: Math.min(config.bodyLimitBytes, DEFAULT_BODY_BYTES),
    // Meant for `request.ip` only: do not use `request.host`, which it lets proxies set too.
    ...(config.trustedProxies.length > 0 && { trustProxy: config.trustedProxies }),
    // A request must have arrived within this time. Answers may take longer, so idle connections must outlast the slowest.
    requestTimeout: 30_000,
    connectionTimeout: Math.max(75_000, longestAnswerMs + 15_000),
    keepAliveTimeout: 72_000,
    http: {
      headersTimeout: 15_000,
      connectionsCheckingInterval: 5_000,
      requireHostHeader: false,
      ServerResponse: ClosingResponse,
    },
    // No limit: recovery runs before the first request.
    pluginTimeout: 0,
    // Ids of any length get a 404, up to the longest URL that Node accepts.
    routerOptions: { maxParamLength: 8192, ignoreTrailingSlash: true },
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: answerFrameworkError as NonNullable<ServerOptions['frameworkErrors']>,
    clientErrorHandler: refuseUnreadable(),
  }
}

/**
 * Answers input that is not HTTP, and closes the connection. It waits for the answers to earlier requests; otherwise a
 * pipelining client would take this one for the answer to a submission that was stored.
 */
function refuseUnreadable(): NonNullable<ServerOptions['clientErrorHandler']> {
  const refused = new WeakSet<Socket>()
  return function (this: FastifyInstance, error, socket) {
    if (error.code === 'ECONNRESET' || socket.destroyed || refused.has(socket)) return
    refused.add(socket)
    const [last, previous] = this.connections.of(socket)?.responses.toReversed() ?? []
    const isInsideRequest = last?.req.complete === false
    const refuse = (): void => {
      const isAnswered = isInsideRequest && last.headersSent
      if (socket.writable && !isAnswered) socket.write(rawErrorAnswer(codeOfParserError(error.code)))
      socket.destroy()
    }
    const awaited = isInsideRequest ? previous : last
    if (awaited === undefined || awaited.closed) refuse()
    else awaited.once('close', refuse)
  }
}

/** The caller's own id if it is safe to log, else a new one. */
function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
}

/** Fastify refuses a URL that it cannot parse before it calls our hooks and handlers. */
function answerFrameworkError(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const { raw, server } = request
  const { status, code, details } = server.hostError(raw, false) ?? server.crossSiteError(raw) ?? toServiceError(error)
  server.metrics.requests.observe(request.method, 'none', status, 0)
  const headers = { ...server.safetyHeaders, 'X-Request-Id': request.id }
  const { type, text } = writeError(errorBody(code, details), raw.headers.accept)
  reply.code(status).headers(headers).type(type).send(text)
}

/** Replaces Node's answer to an unknown Expect header, which has no body. No route sees such a request. */
function refuseExpectation(app: FastifyInstance, request: IncomingMessage, response: ServerResponse): void {
  const refusal = app.hostError(request, false) ?? app.crossSiteError(request)
  const body = errorBody(refusal?.code ?? 'EXPECTATION_FAILED', refusal?.details)
  const { type, text } = writeError(body, request.headers.accept)
  const headers = {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    Connection: 'close',
  }
  response.writeHead(body.status, headers).end(text)
}
