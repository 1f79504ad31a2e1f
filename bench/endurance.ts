import { setTimeout as pause } from 'node:timers/promises'
import { Running, sqlite } from './contender.ts'
import { load, newRun } from './load/load.ts'
import { median } from './median.ts'
import { type Sent, verify } from './verify.ts'

/** What a long load does to the memory of the service. */
export interface Endurance {
  seconds: number
  intakePerSecond: number
  ackedPerSecond: number
  /** RSS again and again while it runs. */
  samples: { atSeconds: number; rssBytes: number }[]
  mostRssBytes: number
  /** Median RSS of the last minute as a share of that of the second minute: the first one is for warming up. */
  growth: number
}

export interface EnduranceExtent {
  seconds: number
  everySeconds: number
}

const MINUTE = 60

/** @throws {Error} when something that was answered is not there */
export async function measureEndurance(extent: EnduranceExtent, say: (line: string) => void): Promise<Endurance> {
  const running = await new Running(sqlite).start()
  try {
    const intake = send(running, 'single', 64, 1, extent.seconds)
    const consumers = send(running, 'consume', 8, 100, extent.seconds)
    const both = Promise.all([intake, consumers])
    const samples = await sample(running, extent, both)
    const [taken, consumed] = await both
    await verify(running, [taken, consumed])
    const endurance = {
      seconds: extent.seconds,
      intakePerSecond: taken.answered.requests / taken.answered.seconds,
      ackedPerSecond: consumed.answered.acked / consumed.answered.seconds,
      samples,
      mostRssBytes: Math.max(...samples.map(({ rssBytes }) => rssBytes)),
      growth: growth(samples, extent.seconds),
    }
    say(`RSS at most ${Math.round(endurance.mostRssBytes / 1e6)} MB, growth ${endurance.growth.toFixed(2)}`)
    return endurance
  } finally {
    await running.remove()
  }
}

async function send(
  { url }: Running,
  requests: 'single' | 'consume',
  connections: number,
  perReceive: number,
  seconds: number,
): Promise<Sent> {
  const run = newRun()
  const numbers = { requests, run, keys: run, kept: 1, perReceive }
  const answered = await load({ url, ...numbers, seconds, connections })
  return { ...numbers, connections, answered }
}

async function sample(
  running: Running,
  { everySeconds }: EnduranceExtent,
  loading: Promise<unknown>,
): Promise<Endurance['samples']> {
  const over = loading.then(() => true)
  const began = performance.now()
  const samples: Endurance['samples'] = []
  do {
    const { rssBytes } = await running.usage()
    samples.push({ atSeconds: Math.round((performance.now() - began) / 1000), rssBytes })
  } while (!(await Promise.race([over, pause(everySeconds * 1000, false)])))
  return samples
}

/** Minutes are sixths of the load where it is shorter than six of them. */
export function growth(samples: Endurance['samples'], seconds: number): number {
  const minute = Math.min(MINUTE, seconds / 6)
  const between = (from: number, to: number): number[] =>
    samples.filter(({ atSeconds: at }) => at >= from && at <= to).map(({ rssBytes }) => rssBytes)
  return median(between(seconds - minute, Number.POSITIVE_INFINITY)) / median(between(minute, 2 * minute))
}
