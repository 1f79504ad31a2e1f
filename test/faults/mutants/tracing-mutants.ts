import type { Mutant } from './mutant.ts'

const PLUGIN = 'plugins/tracing.ts'
const SPANS = 'src/tracing/open-tracing.ts'
const SUBMISSIONS = 'src/tracing/submission-tracer.ts'
const EXPORTER = 'src/tracing/exporting.ts'
const PROCESS = 'test/process/traces-exported.test.ts'

/** Bugs in what is seen in traces. */
export const tracingMutants: Mutant[] = [
  {
    name: 'tracing: a submission begins a trace of its own',
    breaks: 'a submission is seen in the trace of its caller',
    edits: [
      [SUBMISSIONS, 'startActiveSpan(name, { attributes },', 'startActiveSpan(name, { attributes, root: true },'],
    ],
    caughtBy: [
      PROCESS,
      'a submission joins the trace of its caller, and its event carries that trace, even after kill -9',
    ],
  },
  {
    name: 'tracing: a query stands in the span of its request',
    breaks: 'no span contains a secret',
    edits: [[SPANS, "  span.setAttribute(ATTR_URL_PATH, route ?? '')\n", '']],
    caughtBy: [PROCESS, 'no span contains a formula, an idempotency key or a search text'],
  },
  {
    name: 'tracing: a 4xx is recorded as an error',
    breaks: 'errors in traces are those of the service',
    edits: [[SPANS, 'code: SpanStatusCode.OK', 'code: SpanStatusCode.UNSET']],
    caughtBy: [PROCESS, 'a 4xx is not an error in a trace, and health checks are not traced'],
  },
  {
    name: 'tracing: an event names a span that is not sampled',
    breaks: 'an event has a trace only if one is sampled',
    edits: [[SUBMISSIONS, '(traceFlags & TraceFlags.SAMPLED) === 0 ?', "traceId === '' ?"]],
    caughtBy: [PROCESS, 'the event of a submission that is not sampled has no traceparent'],
  },
  {
    name: 'tracing: every lost batch is logged',
    breaks: 'a collector that is not there costs one line',
    edits: [[EXPORTER, 'if (failed === this.#failing) return', 'if (!failed && !this.#failing) return']],
    caughtBy: [PROCESS, 'an unreachable collector costs one line in the log, however many spans are lost'],
  },
  {
    name: 'tracing: the shutdown waits for a collector without a limit',
    breaks: 'a collector that does not answer holds up nothing',
    edits: [[EXPORTER, ', sleep(clock, CLOSE_MS, ended.signal)])', '])']],
    caughtBy: [PROCESS, 'a collector that never answers delays no request, and the shutdown only by seconds'],
  },
  {
    name: 'tracing: OpenTelemetry is loaded in any case',
    breaks: 'who does not trace pays nothing for it',
    edits: [
      [
        PLUGIN,
        '    if (fastify.config.otlpEndpoint === null)',
        "    await import('../src/tracing/open-tracing.ts')\n    if (fastify.config.otlpEndpoint === null)",
      ],
    ],
    caughtBy: [PROCESS, 'OpenTelemetry is not loaded unless a collector is configured'],
  },
  {
    name: 'event: its body omits the trace of its submission',
    breaks: 'an event carries the trace of its submission',
    edits: [
      [
        'src/formula/formula.ts',
        'JSON.stringify({ name, traceparent }',
        'JSON.stringify({ name, traceparent: undefined }',
      ],
    ],
    caughtBy: [
      PROCESS,
      'a submission joins the trace of its caller, and its event carries that trace, even after kill -9',
    ],
  },
]
