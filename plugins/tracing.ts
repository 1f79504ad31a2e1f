import fp from 'fastify-plugin'
import { toServiceError } from '../src/errors/from-http.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { type Tracer, UNTRACED } from '../src/submission/options.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Traces submissions. */
    tracer: Tracer
  }
}

/** Polled all the time, and never part of a caller's trace. */
const UNTRACED_ROUTES = /^\/(?:health|metrics)(?:[/?]|$)/

/** The trace fields of log lines. The logger exists before tracing does, so the plugin sets `ids` later. */
export interface LogTraceContext {
  ids(): object
}

/**
 * Decorates the instance with a tracer, and traces requests if a collector is configured. It runs after authentication, so
 * that callers without a key can neither make spans nor choose the trace id of log lines.
 */
export default fp<{ clock?: Clock; logTraceContext?: LogTraceContext }>(
  async (fastify, { clock = systemClock, logTraceContext }) => {
    if (fastify.config.otlpEndpoint === null) return void fastify.decorate('tracer', UNTRACED)
    // Loaded on demand: OpenTelemetry costs time and memory.
    const [{ FastifyOtelInstrumentation }, { clearSpanError, nameSpan, openTracing }] = await Promise.all([
      import('@fastify/otel'),
      import('../src/tracing/open-tracing.ts'),
    ])
    const tracing = openTracing(clock, fastify.log)
    if (logTraceContext !== undefined) logTraceContext.ids = tracing.ids
    fastify.decorate('tracer', tracing.tracer)
    fastify.addHook('onClose', () => tracing.close())
    const requests = new FastifyOtelInstrumentation({
      instrumentHooks: false,
      instrumentHandler: false,
      // Exceptions are logged, with the trace id.
      recordExceptions: false,
      ignorePaths: ({ url }) => UNTRACED_ROUTES.test(url),
      requestHook: (span, { method, routeOptions }) => nameSpan(span, method, routeOptions.url),
    })
    requests.setTracerProvider(tracing.provider)
    await fastify.register(requests.plugin())
    fastify.addHook('onError', (request, _reply, error, done) => {
      const { span } = request.opentelemetry()
      if (span != null && toServiceError(error).status < 500) clearSpanError(span)
      done()
    })
  },
  { name: 'tracing', dependencies: ['config', 'authentication'] },
)
