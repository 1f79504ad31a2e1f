import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { toServiceError } from '../src/errors/from-http.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { type LogTraceContext, NOT_TRACING, type Tracing } from '../src/tracing/tracing.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tracing: Tracing
  }
}

/** Asked all the time, and part of nobody's trace. */
const UNTRACED_ROUTES = /^\/(?:health|metrics)(?:[/?]|$)/

export interface TracingOptions {
  clock?: Clock
  /** Told the trace that each line of the log is written in. */
  logTraceContext?: LogTraceContext
}

/**
 * Decorates the instance with tracing and traces requests, where a collector is named: behind authentication, so that a
 * stranger's request makes no span, and its lines in the log stand in no trace that it names.
 */
export default fp<TracingOptions>(
  async (fastify, { clock = systemClock, logTraceContext }) => {
    if (fastify.config.otlpEndpoint === null) return void fastify.decorate('tracing', NOT_TRACING)
    // OpenTelemetry takes time and memory to load: whoever does not trace has no use for it.
    const [{ FastifyOtelInstrumentation }, { openTracing }, spans] = await Promise.all([
      import('@fastify/otel'),
      import('../src/tracing/open-tracing.ts'),
      import('../src/tracing/request-spans.ts'),
    ])
    const tracing = openTracing(clock, fastify.log)
    if (logTraceContext !== undefined) logTraceContext.ids = tracing.ids
    fastify.decorate('tracing', tracing)
    fastify.addHook('onClose', () => tracing.close())
    const requests = new FastifyOtelInstrumentation({
      instrumentHooks: false,
      instrumentHandler: false,
      // They stand in the log, with the trace's id.
      recordExceptions: false,
      ignorePaths: ({ url }) => UNTRACED_ROUTES.test(url),
      requestHook: (span, { method, routeOptions }) => spans.nameSpan(span, method, routeOptions.url),
    })
    requests.setTracerProvider(tracing.provider)
    await fastify.register(requests.plugin())
    addHooks(fastify, spans)
  },
  { name: 'tracing', dependencies: ['config', 'authentication'] },
)

function addHooks(fastify: FastifyInstance, spans: typeof import('../src/tracing/request-spans.ts')): void {
  fastify.addHook('onError', (request, _reply, error, done) => {
    const { span } = request.opentelemetry()
    if (span != null && toServiceError(error).status < 500) spans.clearSpanError(span)
    done()
  })
}
