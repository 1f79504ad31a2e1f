import { context, propagation, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { ATTR_URL_PATH } from '@opentelemetry/semantic-conventions'
import type { Clock } from '../kit/clock.ts'
import type { Tracer } from '../submission/options.ts'
import { type ExportLog, LoggingExporter, NAME, ownResource, shutDown } from './exporting.ts'
import { submissionTracer } from './submission-tracer.ts'

interface Tracing {
  provider: NodeTracerProvider
  tracer: Tracer
  /** The log fields that name the active span. */
  ids(): object
  /** Exports the last spans. */
  close(): Promise<void>
}

/** Opens tracing for the process. The SDK reads the collector, sampler and service name from its `OTEL_…` variables. */
export function openTracing(clock: Clock, log: ExportLog): Tracing {
  const exporter = new LoggingExporter(new OTLPTraceExporter(), 'Traces', log)
  const provider = new NodeTracerProvider({
    resource: ownResource(),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  provider.register()
  return {
    provider,
    ids: activeIds,
    tracer: submissionTracer(provider.getTracer(NAME)),
    async close() {
      await shutDown(clock, provider)
      for (const api of [trace, context, propagation]) api.disable()
    },
  }
}

/** The field names are those of OpenTelemetry's log data model. */
function activeIds(): object {
  const { traceId, spanId } = trace.getActiveSpan()?.spanContext() ?? {}
  return traceId === undefined ? {} : { trace_id: traceId, span_id: spanId }
}

/** Names a request's span by its route: path and query may contain secrets, such as the name of a formula. */
export function nameSpan(span: Span, method: string, route: string | undefined): void {
  span.updateName(route === undefined ? method : `${method} ${route}`)
  span.setAttribute(ATTR_URL_PATH, route ?? '')
}

/** For errors of the caller, which are no errors of the service. The status `OK` is final: it cannot be set to an error. */
export function clearSpanError(span: Span): void {
  span.setStatus({ code: SpanStatusCode.OK })
}
