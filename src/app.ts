import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import autoload from '@fastify/autoload'
import Fastify, {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Config } from './config/config.ts'
import { codeOfParserError, rawErrorAnswer, toServiceError } from './errors/from-http.ts'
import { errorBody } from './errors/service-error.ts'
import { continueWhenWanted, EndingResponse } from './http/unread-body.ts'
import type { Clock, Random } from './kit/clock.ts'
import type { Stores } from './stores/ports.ts'
import type { LogTraceContext } from './tracing/tracing.ts'

type ServerOptions = FastifyHttpOptions<Server>
type Logging = NonNullable<ServerOptions['logger']>

/** Largest body that is no submission: 1,000 ids take half of it. */
const OTHER_BODIES_BYTES = 131_072

/** What a test may put in place of the real thing. */
export interface AppOptions {
  clock?: Clock
  random?: Random
  /** Taken instead of opening those of the configuration; the app closes them. */
  stores?: Stores
  /** No logging when not given. */
  logger?: Logging
  /** Whether requests are measured, and lines about them logged; true unless given. */
  observed?: boolean
}

/** Composes the service: plugins/, then routes/. It opens its stores when it is made ready. */
export function buildApp(config: Config, { logger = false, ...options }: AppOptions = {}): FastifyInstance {
  const logTraceContext: LogTraceContext = { ids: () => ({}) }
  const isTraced = config.otlpEndpoint !== null && typeof logger === 'object'
  const app = Fastify(serverOptions(config, isTraced ? { ...logger, mixin: () => logTraceContext.ids() } : logger))
  app.server.on('checkExpectation', (request, response) => refuseExpectation(app, request, response))
  continueWhenWanted(app.server)
  // A client may end its half of the connection when it has sent its request; it still gets its answer.
  Object.assign(app.server, { httpAllowHalfOpen: true })
  const root = join(import.meta.dirname, '..')
  app.register(autoload, { dir: join(root, 'plugins'), options: { config, logTraceContext, ...options } })
  app.register(autoload, { dir: join(root, 'routes'), matchFilter: (path) => path.endsWith('/index.ts') })
  return app
}

function serverOptions(config: Config, logger: Logging): ServerOptions {
  const longestAnswerMs = config.submitDeadlineMs + config.idempotencyWaitMs
  return {
    logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    // Routes that take submissions have their own.
    bodyLimit: Math.min(config.bodyLimitBytes, OTHER_BODIES_BYTES),
    // What proxies say of the host is not believed: only `request.ip` may be asked.
    ...(config.trustedProxies.length > 0 && { trustProxy: config.trustedProxies }),
    // A request must have arrived by then. Answers may take longer; a silent connection must outlast the slowest.
    requestTimeout: 30_000,
    connectionTimeout: Math.max(75_000, longestAnswerMs + 15_000),
    keepAliveTimeout: 72_000,
    http: {
      headersTimeout: 15_000,
      connectionsCheckingInterval: 5_000,
      requireHostHeader: false,
      ServerResponse: EndingResponse,
    },
    // Recovery may take as long as it needs before the first request.
    pluginTimeout: 0,
    // An id of any length is one that is not stored, up to what Node takes as a URL.
    routerOptions: { maxParamLength: 8192, ignoreTrailingSlash: true },
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: answerFrameworkError as NonNullable<ServerOptions['frameworkErrors']>,
    clientErrorHandler: refuseUnreadable(),
  }
}

/**
 * Answers what cannot be read as HTTP and ends its connection: behind the answers to what was read before it, or a
 * client that sends ahead would take this one for the answer to a submission that was stored.
 */
function refuseUnreadable(): NonNullable<ServerOptions['clientErrorHandler']> {
  const refused = new WeakSet<Socket>()
  return function (this: FastifyInstance, error, socket) {
    if (error.code === 'ECONNRESET' || socket.destroyed || refused.has(socket)) return
    refused.add(socket)
    const [last, before] = this.connections.of(socket)?.responses.toReversed() ?? []
    const isWithin = last?.req.complete === false
    const refuse = (): void => {
      const isAnswered = isWithin && last.headersSent
      if (socket.writable && !isAnswered) socket.write(rawErrorAnswer(codeOfParserError(error.code)))
      socket.destroy()
    }
    const awaited = isWithin ? before : last
    if (awaited === undefined || awaited.closed) refuse()
    else awaited.once('close', refuse)
  }
}

/** The caller's own id where it is fit for a log line, else a new one. */
function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
}

/** Fastify refuses a URL it cannot read before any hook or handler of ours. */
function answerFrameworkError(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const { raw, server } = request
  const { status, code, details } = server.refusedHost(raw, false) ?? server.refusedSite(raw) ?? toServiceError(error)
  server.metrics.requests.observe(request.method, 'none', status, 0)
  const headers = { ...server.safetyHeaders, 'X-Request-Id': request.id }
  reply.code(status).headers(headers).send(errorBody(code, details))
}

/** Node answers an Expect header it does not know without a body, before any route sees the request. */
function refuseExpectation(app: FastifyInstance, request: IncomingMessage, response: ServerResponse): void {
  const refusal = app.refusedHost(request, false) ?? app.refusedSite(request)
  const body = errorBody(refusal?.code ?? 'EXPECTATION_FAILED', refusal?.details)
  const text = JSON.stringify(body)
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    Connection: 'close',
  }
  response.writeHead(body.status, headers).end(text)
}
