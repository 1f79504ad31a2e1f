import type { Mutant } from './mutant.ts'

const PLUGIN = 'plugins/tracing.ts'
const SPANS = 'src/tracing/open-tracing.ts'
const SUBMISSIONS = 'src/tracing/submission-tracer.ts'
const EXPORTER = 'src/tracing/open-tracing.ts'
const OPEN = 'src/tracing/open-tracing.ts'
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
      'a submission is seen in the trace of its caller, and its event tells where, also after kill -9',
    ],
  },
  {
    name: 'tracing: a query stands in the span of its request',
    breaks: 'no span tells a secret',
    edits: [[SPANS, "  span.setAttribute(ATTR_URL_PATH, route ?? '')\n", '']],
    caughtBy: [PROCESS, 'no span tells a formula, a key or what is searched for'],
  },
  {
    name: 'tracing: what a caller does wrong is an error of the service',
    breaks: 'errors in traces are those of the service',
    edits: [[SPANS, 'code: SpanStatusCode.OK', 'code: SpanStatusCode.UNSET']],
    caughtBy: [PROCESS, 'what a caller does wrong is no error in its trace, and health is in no trace'],
  },
  {
    name: 'tracing: an event tells a span that nobody keeps',
    breaks: 'an event tells a trace only where there is one',
    edits: [[SUBMISSIONS, '(traceFlags & TraceFlags.SAMPLED) === 0 ?', "traceId === '' ?"]],
    caughtBy: [PROCESS, 'an event tells no trace where its submission is not in one that is kept'],
  },
  {
    name: 'tracing: every batch that is lost is told',
    breaks: 'a collector that is not there costs one line',
    edits: [[EXPORTER, 'if (failed === this.#failing) return', 'if (!failed && !this.#failing) return']],
    caughtBy: [PROCESS, 'a collector that is not there costs one line in the log, however many spans are lost'],
  },
  {
    name: 'tracing: the end waits for a collector as long as it likes',
    breaks: 'a collector that does not answer holds up nothing',
    edits: [[OPEN, 'await Promise.race([shutDown, sleep(clock, CLOSE_MS, ended.signal)])', 'await shutDown']],
    caughtBy: [
      PROCESS,
      'a collector that never answers holds up neither a request nor, for more than seconds, the end',
    ],
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
    caughtBy: [PROCESS, 'nothing of OpenTelemetry is loaded where no collector is named'],
  },
  {
    name: 'event: what it says forgets the trace of its submission',
    breaks: 'an event tells the trace of its submission',
    edits: [
      [
        'src/formula/formula.ts',
        'JSON.stringify({ name, traceparent }',
        'JSON.stringify({ name, traceparent: undefined }',
      ],
    ],
    caughtBy: [
      PROCESS,
      'a submission is seen in the trace of its caller, and its event tells where, also after kill -9',
    ],
  },
]
