import { randomUUID } from 'node:crypto'
import { context, propagation, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions'
import { type Clock, sleep } from '../kit/clock.ts'
import { type ExportLog, LoggingExporter } from './logging-exporter.ts'
import { submissionTracer } from './submission-tracer.ts'
import type { LogTraceContext, Tracing } from './tracing.ts'

const NAME = 'formula-intake'
/** How long closing waits for what is still to be exported, in milliseconds. */
const CLOSE_MS = 3_000

/** Traces, on their way to a collector. */
export interface OpenTracing extends Tracing, LogTraceContext {
  provider: NodeTracerProvider
  /** Exports what is left, but waits only some seconds for it. */
  close(): Promise<void>
}

/**
 * Opens tracing for the process. The SDK reads its own variables, `OTEL_…`: where the collector is, the sampler, the
 * name of the service.
 */
export function openTracing(clock: Clock, log: ExportLog): OpenTracing {
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
      // Why it fails the exporter has told.
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

/** In the words that OpenTelemetry has for logs. */
function activeIds(): object {
  const { traceId, spanId } = trace.getActiveSpan()?.spanContext() ?? {}
  return traceId === undefined ? {} : { trace_id: traceId, span_id: spanId }
}
