import { Running, sqlite } from './contender.ts'
import { generator, newRun } from './load/load.ts'
import { type Probed, probe } from './probe.ts'
import { type Sent, verify } from './verify.ts'

/** What so many clients at once come to: each sends as soon as it is answered, or when Retry-After says so. */
export interface Level {
  connections: number
  /** Answers a second, whatever they say. */
  offered: number
  /** Answers of 200 a second. */
  accepted: number
  /** Of all answers. */
  p50Ms: number
  p99Ms: number
  failed: number
  /** What a few callers beside met. */
  probed: Probed
}

export interface Overload {
  levels: Level[]
  /** The first level again, afterwards. */
  recovered: Level
}

export interface OverloadExtent {
  seconds: number
  connections: number[]
}

/** @throws {Error} when something that was accepted is not there */
export async function measureOverload(extent: OverloadExtent, say: (line: string) => void): Promise<Overload> {
  const running = await new Running(sqlite).start()
  const sent: Sent[] = []
  try {
    const levels: Level[] = []
    const [first = 64] = extent.connections
    for (const connections of [first, ...extent.connections, first]) {
      const level = await measureLevel(running, connections, extent.seconds, sent)
      levels.push(level)
      say(`${connections} connections: ${Math.round(level.accepted)} of ${Math.round(level.offered)}/s accepted`)
    }
    await verify(running, sent)
    // The very first was the warm-up.
    return { levels: levels.slice(1, -1), recovered: levels.at(-1) as Level }
  } finally {
    await running.remove()
  }
}

async function measureLevel({ url }: Running, connections: number, seconds: number, sent: Sent[]): Promise<Level> {
  const run = newRun()
  const numbers = { requests: 'patient', run, keys: run, kept: 1, perReceive: 1 } as const
  const loading = generator.load({ url, ...numbers, seconds, connections })
  const [answered, probed] = await Promise.all([loading, probe(url, loading)])
  sent.push({ ...numbers, connections, answered })
  const ofProbe = { ...answered, requests: probed.accepted.count, refused: 0, acked: 0 }
  // What a probe was not told may have been stored.
  sent.push({ ...numbers, connections: probed.otherwise, answered: ofProbe })
  return {
    connections,
    offered: answered.requests / answered.seconds,
    accepted: (answered.requests - answered.refused) / answered.seconds,
    p50Ms: answered.p50Ms,
    p99Ms: answered.p99Ms,
    failed: answered.failed,
    probed,
  }
}
