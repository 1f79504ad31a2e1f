import { setTimeout as pause } from 'node:timers/promises'
import { onSqlite, type Running } from './contender.ts'
import { load, newRun } from './load/load.ts'
import { median } from './statistics.ts'
import { verify } from './verify.ts'

/** What a long load does to the memory of the service. */
export interface Endurance {
  seconds: number
  mostRssBytes: number
  /** Median RSS of the last minute as a share of that of the second minute; the first is for warming up. */
  growth: number
}

interface EnduranceExtent {
  seconds: number
  everySeconds: number
}

interface Sample {
  atSeconds: number
  rssBytes: number
}

const MINUTE = 60

/** @throws {Error} when something that was answered is missing */
export const measureEndurance = ({ seconds, everySeconds }: EnduranceExtent): Promise<Endurance> =>
  onSqlite(async (running) => {
    const { url } = running
    const loads = Promise.all([
      load({ url, requests: 'single', run: newRun(), connections: 64, seconds }),
      load({ url, requests: 'consume', run: newRun(), connections: 8, perReceive: 100, seconds }),
    ])
    const samples = await sample(running, everySeconds, loads)
    await verify(running, await loads)
    return {
      seconds,
      mostRssBytes: Math.max(...samples.map(({ rssBytes }) => rssBytes)),
      growth: growth(samples, seconds),
    }
  })

async function sample(running: Running, everySeconds: number, loads: Promise<unknown>): Promise<Sample[]> {
  const over = loads.then(() => true)
  const began = performance.now()
  const samples: Sample[] = []
  do {
    const { rssBytes } = await running.usage()
    samples.push({ atSeconds: Math.round((performance.now() - began) / 1000), rssBytes })
  } while (!(await Promise.race([over, pause(everySeconds * 1000, false)])))
  return samples
}

/** In a load of less than six minutes, a sixth of it counts as a minute. */
export function growth(samples: Sample[], seconds: number): number {
  const minute = Math.min(MINUTE, seconds / 6)
  const between = (from: number, to: number): number[] =>
    samples.filter(({ atSeconds: at }) => at >= from && at <= to).map(({ rssBytes }) => rssBytes)
  return median(between(seconds - minute, Number.POSITIVE_INFINITY)) / median(between(minute, 2 * minute))
}
