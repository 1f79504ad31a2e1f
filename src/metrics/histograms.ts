import type { Histogram, MetricValue, Registry } from 'prom-client'

type Value = MetricValue<string> & { metricName: string }

/**
 * A histogram that only increments numbers; prom-client's own builds a string of the labels for each observation, which
 * takes half of the time spent on measuring a request. The cumulative values are computed at the scrape.
 */
export class Distribution {
  readonly #bounds: readonly number[]
  /** The counts of the buckets, not cumulative; the last is for values beyond all bounds. */
  readonly #counts: number[]
  #sum = 0

  /** @param bounds the upper bounds of the buckets, ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Array(bounds.length + 1).fill(0)
  }

  observe(value: number): void {
    let bucket = 0
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#sum += value
  }

  /** The values in prom-client's form, with cumulative buckets. */
  values(name: string, labels: Record<string, string | number> = {}): Value[] {
    let total = 0
    const buckets = this.#counts.map((count, bucket) => {
      total += count
      return { metricName: `${name}_bucket`, labels: { le: this.#bounds[bucket] ?? '+Inf', ...labels }, value: total }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: total },
    ]
  }
}

/** @param read called at each scrape */
function registerHistogram(registry: Registry, name: string, help: string, read: () => Value[]): void {
  const get = async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: read() })
  // The registry uses nothing else of a metric.
  registry.registerMetric({ name, help, type: 'histogram', get } as unknown as Histogram)
}

/** Registers a distribution without labels. */
export function distribution(registry: Registry, name: string, help: string, bounds: readonly number[]): Distribution {
  const values = new Distribution(bounds)
  registerHistogram(registry, name, help, () => values.values(name))
  return values
}

const NAME = 'http_request_duration_seconds'
const HELP = 'Duration of requests, from their headers to the last byte of the answer, by route and status'

/**
 * Seconds. An answer from memory takes less than a millisecond, a commit some milliseconds; anything above 0.1 s is slow.
 * Retries begin to pause for 1 s; a long poll ends after 20 s, a submission after 30 s.
 */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30]

/** Methods with a label of their own; all others share the label `other`. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** The histogram of requests, by method, route and status. */
export class RequestDurations {
  /** By route, method and status. */
  readonly #series: Record<string, Record<string, Record<number, Distribution>>> = {}

  constructor(registry: Registry) {
    registerHistogram(registry, NAME, HELP, () => this.#values())
  }

  /** @param route the pattern of the route, which bounds the number of series */
  observe(method: string, route = 'none', status: number, seconds: number): void {
    this.#series[route] ??= {}
    const byMethod = this.#series[route]
    const known = METHODS.has(method) ? method : 'other'
    byMethod[known] ??= {}
    const byStatus = byMethod[known]
    byStatus[status] ??= new Distribution(BOUNDS)
    byStatus[status].observe(seconds)
  }

  #values(): Value[] {
    const values: Value[] = []
    for (const [route, byMethod] of Object.entries(this.#series)) {
      for (const [method, byStatus] of Object.entries(byMethod)) {
        for (const [status, durations] of Object.entries(byStatus)) {
          values.push(...durations.values(NAME, { method, route, status: Number(status) }))
        }
      }
    }
    return values
  }
}
