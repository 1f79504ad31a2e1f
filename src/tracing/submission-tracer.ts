import {
  type Attributes,
  type Span,
  SpanStatusCode,
  TraceFlags,
  type Tracer as Tracing,
  trace,
} from '@opentelemetry/api'
import type { Outcome } from '../submission/outcome.ts'
import type { Tracer } from '../submission/tracer.ts'

/** A span for each submission, and one within it for each attempt. None tells a formula or a key: these are secrets. */
export function submissionTracer(tracer: Tracing): Tracer {
  /** Runs `work` in a span of its own, which ends with it. */
  const within = <T>(name: string, attributes: Attributes, work: (span: Span) => Promise<T>): Promise<T> =>
    tracer.startActiveSpan(name, { attributes }, (span) => work(span).finally(() => span.end()))
  return {
    submission: (submission, run) =>
      within(
        'submission',
        { 'submission.id': submission.id, 'submission.formulas': submission.formulas.length },
        async (span) => {
          const outcome = await run({ ...submission, traceparent: traceparentOf(span) })
          tell(span, 'submission.outcome', outcome.kind)
          return tellAnswer(span, outcome)
        },
      ),
    attempt(attempt, run) {
      trace.getActiveSpan()?.setAttribute('submission.attempts', attempt)
      return within('submission attempt', { 'submission.attempt': attempt }, async (span) => {
        const verdict = await run()
        tell(span, 'submission.verdict', verdict.kind)
        return verdict
      })
    },
  }
}

function tell(span: Span, attribute: string, kind: string): void {
  span.setAttribute(attribute, kind)
  if (kind === 'failed') span.setStatus({ code: SpanStatusCode.ERROR })
}

function tellAnswer(span: Span, outcome: Outcome): Outcome {
  if (outcome.kind !== 'answered') return outcome
  span.setAttributes({ 'submission.status': outcome.answer.status, 'submission.replayed': outcome.replayed })
  return outcome
}

/** What links to a span, as W3C Trace Context writes it; nothing where the span is not kept: there is nothing to see. */
function traceparentOf(span: Span): string | undefined {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return (traceFlags & TraceFlags.SAMPLED) === 0 ? undefined : `00-${traceId}-${spanId}-01`
}
