import { setTimeout as pause } from 'node:timers/promises'
import { onSqlite, type Running } from './contender.ts'
import { generator, newRun, type Sent } from './load/load.ts'
import { headersOf, request } from './load/requests.ts'
import { tell, whole } from './print.ts'
import { type Timing, timingOf } from './statistics.ts'
import { verify } from './verify.ts'

/** The load of many clients; each sends as soon as it is answered, or after the Retry-After of a refusal. */
export interface Level {
  connections: number
  /** Answers per second. */
  offered: number
  /** 200s per second. */
  accepted: number
  /** Refusals, and anything but a 200 that the other callers got. */
  refused: number
  probed: Probed
}

/** What a few other callers got at the same time. */
export interface Probed {
  accepted: Timing & { count: number }
  /** 503 SERVICE_OVERLOADED with Retry-After. */
  shed: number
  /** Anything else, failed connections included. */
  otherwise: number
}

export interface Overload {
  levels: Level[]
  /** The first level again, afterwards. */
  recovered: Level
  /** The first level on the store as it is then, by a new process: the store has grown. */
  restarted: Level
}

interface OverloadExtent {
  seconds: number
  connections: number[]
}

const PROBES = 4
const PROBE_EVERY_MS = 20

/** @throws {Error} when something that was accepted is missing */
export const measureOverload = (extent: OverloadExtent): Promise<Overload> =>
  onSqlite(async (running) => {
    const sent: Sent[] = []
    const levels: Level[] = []
    const [first = 64] = extent.connections
    const measure = async (connections: number): Promise<Level> => {
      const level = await measureLevel(running, connections, extent.seconds, sent)
      tell(`${whole(connections)} connections: ${whole(level.accepted)} of ${whole(level.offered)}/s accepted`)
      return level
    }
    await measure(first) // the warm-up
    for (const connections of extent.connections) levels.push(await measure(connections))
    const recovered = await measure(first)
    await running.kill('SIGTERM')
    await running.start()
    await measure(first) // the warm-up
    const restarted = await measure(first)
    await verify(running, sent)
    return { levels, recovered, restarted }
  })

async function measureLevel({ url }: Running, connections: number, seconds: number, sent: Sent[]): Promise<Level> {
  const sequence = { requests: 'backing-off', run: newRun() } as const
  const loading = generator.load({ url, ...sequence, seconds, connections })
  const [answered, probed] = await Promise.all([loading, probe(url, loading)])
  sent.push({ ...sequence, connections, answered })
  // Probes that got no clear answer may have been stored.
  const probes = { ...answered, requests: probed.accepted.count, refused: 0, failed: probed.otherwise }
  sent.push({ ...sequence, connections: 0, answered: probes })
  return {
    connections,
    offered: answered.requests / answered.seconds,
    accepted: (answered.requests - answered.refused) / answered.seconds,
    refused: answered.refused + probed.shed + probed.otherwise,
    probed,
  }
}

/** Submits a formula now and then: the generator does not report the latency of accepted submissions alone. */
async function probe(url: string, until: Promise<unknown>): Promise<Probed> {
  const durations: number[] = []
  const counts = { accepted: 0, shed: 0, otherwise: 0 }
  const run = newRun()
  let [sent, isOver] = [0, false]
  const over = until.finally(() => {
    isOver = true
  })
  async function submitUntilOver(): Promise<void> {
    while (!isOver) {
      const began = performance.now()
      const result = await submit(url, run, ++sent)
      if (result === 'accepted') durations.push(performance.now() - began)
      counts[result]++
      await pause(PROBE_EVERY_MS)
    }
  }
  await Promise.all([over, ...Array.from({ length: PROBES }, submitUntilOver)])
  return { ...counts, accepted: { count: counts.accepted, ...timingOf(durations) } }
}

async function submit(url: string, run: number, number: number): Promise<keyof Probed> {
  const next = request({ requests: 'single', run }, number)
  try {
    const response = await fetch(url + next.path, { method: 'POST', headers: headersOf(next), body: next.body })
    const { code } = (await response.json()) as { code?: string }
    if (response.status === 200) return 'accepted'
    return code === 'SERVICE_OVERLOADED' && response.headers.has('retry-after') ? 'shed' : 'otherwise'
  } catch {
    return 'otherwise'
  }
}
