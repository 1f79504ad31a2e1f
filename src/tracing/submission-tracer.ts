import {
  type Attributes,
  type Tracer as OtelTracer,
  type Span,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import type { Tracer } from '../submission/options.ts'

/** A span for each submission, with a child span for each attempt. Formulas and keys are secrets: no span shows them. */
export function submissionTracer(tracer: OtelTracer): Tracer {
  const within = <T>(name: string, attributes: Attributes, work: (span: Span) => Promise<T>): Promise<T> =>
    tracer.startActiveSpan(name, { attributes }, (span) => work(span).finally(() => span.end()))
  return {
    submission: (submission, run) =>
      within(
        'submission',
        { 'submission.id': submission.id, 'submission.formulas': submission.formulas.length },
        async (span) => {
          const outcome = await run(traceparentOf(span))
          setResult(span, 'submission.outcome', outcome.kind)
          if (outcome.kind === 'answered') {
            const { answer, replayed } = outcome
            span.setAttributes({ 'submission.status': answer.status, 'submission.replayed': replayed })
          }
          return outcome
        },
      ),
    attempt(attempt, run) {
      trace.getActiveSpan()?.setAttribute('submission.attempts', attempt)
      return within('submission attempt', { 'submission.attempt': attempt }, async (span) => {
        const result = await run()
        setResult(span, 'submission.verdict', result.kind)
        return result
      })
    },
  }
}

function setResult(span: Span, attribute: string, kind: string): void {
  span.setAttribute(attribute, kind)
  if (kind === 'failed') span.setStatus({ code: SpanStatusCode.ERROR })
}

/** The W3C traceparent of a span; undefined when the span is not sampled, since a link to it would lead nowhere. */
function traceparentOf(span: Span): string | undefined {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return (traceFlags & TraceFlags.SAMPLED) === 0 ? undefined : `00-${traceId}-${spanId}-01`
}
