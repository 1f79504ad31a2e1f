import type { Registry } from 'prom-client'
import { Distribution, registerHistogram } from './distribution.ts'

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
  durations: Distribution
}

/** The histogram of requests. */
export class RequestDurations {
  readonly #series = new Map<string, Map<string, Map<number, Series>>>()

  constructor(registry: Registry) {
    registerHistogram(registry, NAME, HELP, () => this.#values())
  }

  /** @param route its pattern, so that there are only so many; none where no route took the request */
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
