import type { Histogram, Registry } from 'prom-client'

const NAME = 'http_request_duration_seconds'
const HELP = 'How long requests took, from their headers to the last byte of the answer, by route and status'

/**
 * Seconds. An answer from memory takes less than a millisecond and one commit some milliseconds; from a tenth of a second
 * on something is slow; pauses between attempts begin at one second; a long poll ends after 20, a submission after 30.
 */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30]

/** Methods that have a label of their own; whatever else a client thinks of shares one. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Of one method, route and status. */
interface Series {
  labels: { method: string; route: string; status: number }
  /** How many fell into each bucket alone; the last is for what is beyond all bounds. */
  counts: number[]
  sum: number
}

/**
 * The histogram of requests. prom-client's own builds a text from the labels for each observation, which takes about as
 * long as all else that is spent on measuring a request; this one counts in numbers and gives prom-client the sums when
 * they are asked for.
 */
export class RequestDurations {
  readonly #series = new Map<string, Map<string, Map<number, Series>>>()

  constructor(registry: Registry) {
    const metric = { name: NAME, help: HELP, type: 'histogram', get: async () => this.#read() }
    // The registry asks nothing else of a metric, whatever its class.
    registry.registerMetric(metric as unknown as Histogram)
  }

  /** @param route its pattern, so that there are only so many; none where no route took the request */
  observe(method: string, route = 'none', status: number, seconds: number): void {
    const known = METHODS.has(method) ? method : 'other'
    const series = this.#series.get(route)?.get(known)?.get(status) ?? this.#begin(known, route, status)
    let bucket = 0
    while (bucket < BOUNDS.length && seconds > (BOUNDS[bucket] as number)) bucket++
    series.counts[bucket] = (series.counts[bucket] as number) + 1
    series.sum += seconds
  }

  #begin(method: string, route: string, status: number): Series {
    const byMethod = getOr(this.#series, route, () => new Map<string, Map<number, Series>>())
    const byStatus = getOr(byMethod, method, () => new Map<number, Series>())
    const counts = new Array(BOUNDS.length + 1).fill(0)
    return getOr(byStatus, status, () => ({ labels: { method, route, status }, counts, sum: 0 }))
  }

  #read() {
    const all = [...this.#series.values()].flatMap((byMethod) => [...byMethod.values()])
    const values = all.flatMap((byStatus) => [...byStatus.values()]).flatMap(valuesOf)
    return { name: NAME, help: HELP, type: 'histogram', aggregator: 'sum', values }
  }
}

/** What prom-client's histogram gives: each bucket with all that are below it. */
function valuesOf({ labels, counts, sum }: Series) {
  let total = 0
  const buckets = counts.map((count, bucket) => {
    total += count
    return { metricName: `${NAME}_bucket`, labels: { le: BOUNDS[bucket] ?? '+Inf', ...labels }, value: total }
  })
  return [
    ...buckets,
    { metricName: `${NAME}_sum`, labels, value: sum },
    { metricName: `${NAME}_count`, labels, value: total },
  ]
}

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
