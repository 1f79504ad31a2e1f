import type { Mutant } from './mutant.ts'

const GAUGES = 'src/metrics/gauges.ts'
const METRICS = 'src/metrics/metrics.ts'
const LOGGING = 'src/logging.ts'
const METRICS_TEST = 'test/http/metrics.test.ts'
const REQUEST_LOG_TEST = 'test/http/request-log.test.ts'
const LOGGING_TEST = 'test/logging.test.ts'
const SECRETS_TEST = 'test/process/log-secrets.test.ts'

/** Bugs in logs, metrics and other reports of the service. */
export const observationMutants: Mutant[] = [
  {
    name: 'metrics: a scrape waits for a store without a time limit',
    breaks: 'a store that hangs holds up no scrape',
    edits: [[GAUGES, 'new Deadline(clock, STORE_TIMEOUT_MS).bound(call()).catch(', 'call().catch(']],
    caughtBy: [
      METRICS_TEST,
      'a store that hangs or fails is down and holds up no scrape; of its contents nothing is said',
    ],
  },
  {
    name: 'metrics: while a store is down the last figures of the queue are shown',
    breaks: 'an unknown figure has no value',
    edits: [
      [GAUGES, 'gauge.reset()\n      for (const { name: subscription, ...', 'for (const { name: subscription, ...'],
    ],
    caughtBy: [
      METRICS_TEST,
      'a store that hangs or fails is down and holds up no scrape; of its contents nothing is said',
    ],
  },
  {
    name: 'metrics: each scrape asks the stores',
    breaks: 'concurrent scrapes ask the stores once',
    edits: [
      [METRICS, 'this.#scrape ??= this.#write()', 'this.#scrape = this.#write()'],
      [GAUGES, 'reading ??= read()', 'reading = read()'],
    ],
    caughtBy: [METRICS_TEST, 'scrapes that come together ask the stores once'],
  },
  {
    name: 'metrics: duplicates that are skipped count as added',
    breaks: 'formulas are counted that were stored, and no others',
    edits: [['src/submission/orchestrator.ts', ".filter(({ outcome }) => outcome === 'added')", '']],
    caughtBy: [METRICS_TEST, 'of a list whose duplicates are skipped those are counted that were added'],
  },
  {
    name: 'metrics: each app watches the process for itself',
    breaks: 'an app that is closed leaves nothing behind',
    edits: [['src/metrics/metrics.ts', 'if (registry === undefined) {', '{']],
    caughtBy: [
      'test/process/closed-apps.test.ts',
      'closed apps leave neither timers nor metrics behind, so the process can exit',
    ],
  },
  {
    name: 'log: errors are logged with all their fields',
    breaks: 'no line holds a part of a formula',
    edits: [[LOGGING, 'err: (error: unknown) => describe(error), ', '']],
    caughtBy: [
      LOGGING_TEST,
      'of an error its type, message, stack and code are logged, of its causes too, and nothing else',
    ],
  },
  {
    name: 'log: a message keeps what it quotes',
    breaks: 'no line holds a part of a formula',
    edits: [['src/kit/reason.ts', 'return quotesData ? ', 'return message === "" && quotesData ? ']],
    caughtBy: [
      SECRETS_TEST,
      'no line at any level holds a key, a header or a part of a formula, whatever is sent and whatever fails',
    ],
  },
  {
    name: 'log: each request has a line, however many there are',
    breaks: 'the log is no load of its own',
    edits: [
      [
        'src/kit/line-limiter.ts',
        'if (this.#written < this.#maxPerSecond) return true',
        'if (this.#written >= 0) return true',
      ],
    ],
    caughtBy: [
      REQUEST_LOG_TEST,
      'of a busy service ten requests a second are logged, and the next line says how many were not',
    ],
  },
  {
    name: 'log: a submission that fails does not say which request it came with',
    breaks: 'a caller that shows its X-Request-Id can be helped',
    edits: [['src/submission/submission.ts', 'requestId === undefined ?', 'requestId !== "" ?']],
    caughtBy: [REQUEST_LOG_TEST, 'what is logged of a submission that fails names its request as well'],
  },
  {
    name: 'console: a total is added up in rounded numbers',
    breaks: 'totals and previews are exact',
    edits: [
      [
        'console/decimal.js',
        'textOf(concentrations.reduce((sum, text) => plus(sum, decimalOf(text) ?? ZERO), ZERO))',
        'String(concentrations.reduce((sum, text) => sum + Number(text), 0))',
      ],
    ],
    caughtBy: ['test/console/exact-total.test.ts', 'a total is exact, with more digits than a number holds'],
  },
  {
    name: 'console: an empty cell of a pasted column is passed over',
    breaks: 'a pasted concentration goes to the material it stood beside',
    edits: [['console/views/pasted.js', 'plain.split(/\\r\\n|\\n|\\r/)', 'plain.split(/[\\r\\n]+/)']],
    caughtBy: [
      'test/console/pasted.test.ts',
      'an empty cell of a column keeps its place, so that no concentration moves to another material',
    ],
  },
]
