import { randomUUID } from 'node:crypto'
import { context, propagation, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node'
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME, ATTR_URL_PATH } from '@opentelemetry/semantic-conventions'
import { type Clock, sleep } from '../kit/clock.ts'
import type { Tracer } from '../submission/options.ts'
import { submissionTracer } from './submission-tracer.ts'

const NAME = 'formula-intake'
/** How long closing waits for the export of the last spans, in milliseconds. */
const CLOSE_MS = 3_000

interface Tracing {
  provider: NodeTracerProvider
  tracer: Tracer
  /** The log fields that name the active span. */
  ids(): object
  /** Exports the last spans, within `CLOSE_MS`. */
  close(): Promise<void>
}

/** Opens tracing for the process. The SDK reads the collector, sampler and service name from its `OTEL_…` variables. */
export function openTracing(clock: Clock, log: ExportLog): Tracing {
  const exporter = new LoggingExporter(new OTLPTraceExporter(), log)
  const provider = new NodeTracerProvider({
    resource: ownResource().merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  provider.register()
  return {
    provider,
    ids: activeIds,
    tracer: submissionTracer(provider.getTracer(NAME)),
    async close() {
      const ended = new AbortController()
      // The exporter logs failures.
      const shutDown = provider.shutdown().catch(() => {})
      await Promise.race([shutDown, sleep(clock, CLOSE_MS, ended.signal)])
      ended.abort()
      for (const api of [trace, context, propagation]) api.disable()
    },
  }
}

const ownResource = () =>
  defaultResource().merge(
    resourceFromAttributes({ [ATTR_SERVICE_NAME]: NAME, [ATTR_SERVICE_INSTANCE_ID]: randomUUID() }),
  )

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

interface ExportLog {
  warn(fields: object, message: string): void
  info(message: string): void
}

/** Logs once when exports begin to fail and once when they succeed again, instead of for each batch. */
class LoggingExporter implements SpanExporter {
  readonly #exporter: SpanExporter
  readonly #log: ExportLog
  #failing = false

  constructor(exporter: SpanExporter, log: ExportLog) {
    this.#exporter = exporter
    this.#log = log
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      this.#logChange(result)
      done(result)
    })
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }

  #logChange({ code, error }: ExportResult): void {
    const failed = code === ExportResultCode.FAILED
    if (failed === this.#failing) return
    this.#failing = failed
    if (failed) this.#log.warn({ err: error }, 'Traces cannot be exported, and are lost meanwhile')
    else this.#log.info('Traces are exported again')
  }
}
