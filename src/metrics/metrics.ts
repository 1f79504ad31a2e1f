import { Counter, collectDefaultMetrics, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'
import type { OnCommit } from '../stores/ports.ts'
import type { SubmissionObserver } from '../submission/options.ts'
import { distribution, RequestDurations } from './histograms.ts'

/** The values of the label `outcome`. */
const OUTCOMES = [
  'added',
  'exists',
  'replayed',
  'reused',
  'in_use',
  'failed',
  'stopping',
  'invalid',
  'overloaded',
] as const
export type SubmissionOutcome = (typeof OUTCOMES)[number]

/** From one submission to the largest batch. */
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256]
/** Seconds: a fast disk syncs in well under a millisecond; after some seconds a store counts as failed. */
const COMMIT_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The metrics of a service, in a registry of their own; docs/metrics.md describes them. */
export class Metrics {
  readonly registry = new Registry()
  readonly requests = new RequestDurations(this.registry)
  readonly #formulas = this.#counter('intake_formulas_added_total', 'Formulas stored, each with its event')
  readonly #refused = this.#counter(
    'intake_formulas_refused_total',
    'Formulas of submissions refused with 409, and of checks, because a composition is known, by caller; without replays',
    'caller',
  )
  readonly #retries = this.#counter('intake_submission_retries_total', 'Attempts of submissions after the first one')
  readonly #rollbacks = this.#counter(
    'intake_rollbacks_total',
    'Rollbacks of failed attempts of this process: done, or interrupted, so that a cleanup is owed',
    'result',
  )
  readonly #batchSize = distribution(
    this.registry,
    'intake_batch_size',
    'Submissions committed together; not measured by the memory engine',
    BATCH_SIZES,
  )
  readonly #commitSeconds = distribution(
    this.registry,
    'intake_commit_duration_seconds',
    'Duration of a batch of submissions: with SQLite its transaction in the writer thread, including other calls in it; with PostgreSQL its calls to the server, from the first to the last answer',
    COMMIT_SECONDS,
  )
  /** Plain numbers, for speed; see Distribution. */
  readonly #ended = new Map<SubmissionOutcome, number>(OUTCOMES.map((outcome) => [outcome, 0]))
  #scrape: Promise<string> | undefined

  constructor() {
    const ended = this.#ended
    new Counter({
      name: 'intake_submissions_total',
      help: 'Submissions by outcome',
      labelNames: ['outcome'],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [outcome, count] of ended) this.inc({ outcome }, count)
      },
    })
    // Start the series at 0, so that their first increase is visible.
    for (const result of ['done', 'interrupted']) this.#rollbacks.inc({ result }, 0)
  }

  /** The media type of `text`. */
  get mediaType(): string {
    return this.registry.contentType
  }

  submissionEnded(outcome: SubmissionOutcome): void {
    this.#ended.set(outcome, (this.#ended.get(outcome) ?? 0) + 1)
  }

  formulasRefused(caller: string, formulas: number): void {
    this.#refused.inc({ caller }, formulas)
  }

  readonly submissions: SubmissionObserver = {
    added: (formulas) => this.#formulas.inc(formulas),
    retried: () => this.#retries.inc(),
    rolledBack: (result) => this.#rollbacks.inc({ result }),
  }

  readonly committed: OnCommit = (submissions, seconds) => {
    this.#batchSize.observe(submissions)
    this.#commitSeconds.observe(seconds)
  }

  /** All metrics in the Prometheus text format. Concurrent scrapes share one result. */
  text(): Promise<string> {
    this.#scrape ??= this.#write().finally(() => {
      this.#scrape = undefined
    })
    return this.#scrape
  }

  /** All metrics with their values. */
  async read(): Promise<MetricObjectWithValues<MetricValue<string>>[]> {
    const registries = [this.registry, processMetrics()]
    return (await Promise.all(registries.map((registry) => registry.getMetricsAsJSON()))).flat()
  }

  #counter<L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] })
  }

  async #write(): Promise<string> {
    const texts = await Promise.all([this.registry.metrics(), processMetrics().metrics()])
    return texts.join('\n')
  }
}

let registry: Registry | undefined

/**
 * prom-client's default metrics of the process: event loop, garbage collection, memory, CPU, handles. Collection starts
 * with the first scrape, so that it costs nothing without a scraper. All apps of a process share it, because prom-client
 * cannot stop its observers when an app closes; they do not keep the process alive.
 */
function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry })
  }
  return registry
}
