import { Counter, Registry } from 'prom-client'
import type { OnCommit } from '../stores/ports.ts'
import type { SubmissionObserver } from '../submission/observer.ts'
import { distribution } from './distribution.ts'
import { processMetrics } from './process-metrics.ts'
import { RequestDurations } from './request-durations.ts'

/** What may become of a submission, as it is counted. */
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

/** One member to the most that share a commit. */
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256]
/** Seconds: a fast disk syncs in well under a millisecond; after some seconds a store counts as failing. */
const COMMIT_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What a service measures of itself, in a registry of its own, for Prometheus. The names are those of docs/metrics.md. */
export class Metrics {
  readonly registry = new Registry()
  readonly requests = new RequestDurations(this.registry)
  readonly #formulas = new Counter({
    name: 'intake_formulas_added_total',
    help: 'Formulas that were stored, each with its event',
    registers: [this.registry],
  })
  readonly #refused = new Counter({
    name: 'intake_formulas_refused_total',
    help: 'Formulas of submissions that were refused because a composition is known (409), by caller; replays apart',
    labelNames: ['caller'],
    registers: [this.registry],
  })
  readonly #retries = new Counter({
    name: 'intake_submission_retries_total',
    help: 'Attempts to store a submission after its first',
    registers: [this.registry],
  })
  readonly #rollbacks = new Counter({
    name: 'intake_rollbacks_total',
    help: 'Rollbacks of what failed attempts of this process left: done, or interrupted, so that a cleanup is owed',
    labelNames: ['result'],
    registers: [this.registry],
  })
  readonly #batchSize = distribution(
    this.registry,
    'intake_batch_size',
    'Submissions that were committed together; not measured in memory',
    SIZES,
  )
  readonly #commitSeconds = distribution(
    this.registry,
    'intake_commit_duration_seconds',
    'How long one batch of submissions took: with SQLite its transaction in the writing thread, whatever else travels in it; with PostgreSQL its calls to the server, from the first to the last answer',
    COMMIT_SECONDS,
  )
  /** Counted in numbers, as distributions are. */
  readonly #ended = new Map<SubmissionOutcome, number>(OUTCOMES.map((outcome) => [outcome, 0]))
  readonly #readers: (() => Promise<void>)[] = []
  #scrape: Promise<string> | undefined

  constructor() {
    const ended = this.#ended
    new Counter({
      name: 'intake_submissions_total',
      help: 'Submissions by what became of them',
      labelNames: ['outcome'],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [outcome, count] of ended) this.inc({ outcome }, count)
      },
    })
    // A series that is there from the start shows its first increase.
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

  /** @param read called before each scrape, to set what is asked for only then; it must not reject */
  beforeScrape(read: () => Promise<void>): void {
    this.#readers.push(read)
  }

  /** Everything in the text format of Prometheus. Who asks while another is being answered gets the same. */
  text(): Promise<string> {
    this.#scrape ??= this.#write().finally(() => {
      this.#scrape = undefined
    })
    return this.#scrape
  }

  async #write(): Promise<string> {
    await Promise.all(this.#readers.map((read) => read()))
    const texts = await Promise.all([this.registry.metrics(), processMetrics().metrics()])
    return texts.join('\n')
  }
}
