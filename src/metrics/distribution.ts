import type { Histogram, MetricValue, Registry } from 'prom-client'

type Labels = Record<string, string | number>
type Value = MetricValue<string> & { metricName: string }

/**
 * How values are spread over buckets. prom-client's own histogram builds a text from the labels for each observation,
 * which takes about as long as all else that is spent on measuring a request; this one counts in numbers, and gives the
 * sums when they are asked for.
 */
export class Distribution {
  readonly #bounds: readonly number[]
  /** How many fell into each bucket alone; the last is for what is beyond all bounds. */
  readonly #counts: number[]
  #sum = 0

  /** @param bounds the upper bound of each bucket, ascending */
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

  /** What prom-client's histogram gives: each bucket with all that are below it. */
  values(name: string, labels: Labels = {}): Value[] {
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

/** @param read asked for the values at each scrape */
export function registerHistogram(registry: Registry, name: string, help: string, read: () => Value[]): void {
  const get = async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: read() })
  // The registry asks nothing else of a metric, whatever its class.
  registry.registerMetric({ name, help, type: 'histogram', get } as unknown as Histogram)
}

/** A distribution without labels, which is in the registry from the start. */
export function distribution(registry: Registry, name: string, help: string, bounds: readonly number[]): Distribution {
  const counted = new Distribution(bounds)
  registerHistogram(registry, name, help, () => counted.values(name))
  return counted
}
