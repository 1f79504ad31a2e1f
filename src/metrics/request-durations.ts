import type { Registry } from 'prom-client'
import { Distribution, registerHistogram } from './distribution.ts'

const NAME = 'http_request_duration_seconds'
const HELP = 'Duration of requests, from their headers to the last byte of the answer, by route and status'

/**
 * Seconds. An answer from memory takes less than a millisecond, a commit some milliseconds; anything above 0.1 s is slow.
 * Retries begin to pause for 1 s; a long poll ends after 20 s, a submission after 30 s.
 */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30]

/** Methods with a label of their own; all others share the label `other`. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

interface Series {
  labels: { method: string; route: string; status: number }
  durations: Distribution
}

/** The histogram of requests, by method, route and status. */
export class RequestDurations {
  readonly #series = new Map<string, Map<string, Map<number, Series>>>()

  constructor(registry: Registry) {
    registerHistogram(registry, NAME, HELP, () => this.#values())
  }

  /** @param route the pattern of the route, which bounds the number of series */
  observe(method: string, route = 'none', status: number, seconds: number): void {
    const known = METHODS.has(method) ? method : 'other'
    const series = this.#series.get(route)?.get(known)?.get(status) ?? this.#begin(known, route, status)
    series.durations.observe(seconds)
  }

  #begin(method: string, route: string, status: number): Series {
    const byMethod = getOr(this.#series, route, () => new Map<string, Map<number, Series>>())
    const byStatus = getOr(byMethod, method, () => new Map<number, Series>())
    return getOr(byStatus, status, () => ({ labels: { method, route, status }, durations: new Distribution(BOUNDS) }))
  }

  #values() {
    const all = [...this.#series.values()].flatMap((byMethod) => [...byMethod.values()])
    const series = all.flatMap((byStatus) => [...byStatus.values()])
    return series.flatMap(({ labels, durations }) => durations.values(NAME, labels))
  }
}

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
