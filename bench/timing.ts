import { percentile } from './median.ts'

export interface Timing {
  p50Ms: number
  p99Ms: number
}

/** Sends requests one after the other over a connection that is kept, and times each. */
export async function timed(requests: Iterable<() => Promise<unknown>>): Promise<Timing> {
  const took: number[] = []
  for (const send of requests) {
    const began = performance.now()
    await send()
    took.push(performance.now() - began)
  }
  return timingOf(took)
}

export function timingOf(took: number[]): Timing {
  const sorted = took.toSorted((a, b) => a - b)
  return { p50Ms: percentile(sorted, 50), p99Ms: percentile(sorted, 99) }
}
