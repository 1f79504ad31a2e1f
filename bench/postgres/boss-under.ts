import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Running } from '../contender.ts'
import { median } from '../median.ts'
import { fill, readyEvents } from '../preload.ts'
import type { Extent } from '../under.ts'
import { type Sent, verify } from '../verify.ts'
import { pgBoss } from './contenders.ts'

const CONSUMER = new URL('../contenders/pg-boss-consumer.ts', import.meta.url).pathname
const execute = promisify(execFile)

export const BATCH = 100
/** Several, as each waits for the disk now and then; twice as many were no faster. */
const CONSUMERS = Number(process.env.BENCH_BOSS_CONSUMERS ?? 4)

/** Consumers of pg-boss under load: a process that fetches and completes jobs, as its users would write it. */
export class BossUnder {
  readonly #running: Running
  readonly #databaseUrl: string
  readonly #eventsPerSecond: number
  readonly #sent: Sent[] = []
  readonly #rates: number[] = []

  constructor(databaseUrl: string, eventsPerSecond: number) {
    this.#databaseUrl = databaseUrl
    this.#eventsPerSecond = eventsPerSecond
    this.#running = new Running(pgBoss(databaseUrl))
  }

  async prepare({ warmUpSeconds }: Pick<Extent, 'warmUpSeconds'>): Promise<void> {
    await this.#running.start()
    await this.queueEvents(warmUpSeconds)
    await this.#consume(warmUpSeconds)
  }

  /** Queues what is missing to last for so many seconds. */
  async queueEvents(seconds: number): Promise<void> {
    const { url } = this.#running
    const missing = seconds * this.#eventsPerSecond - (await readyEvents(url))
    if (missing > 0) this.#sent.push(await fill(url, missing))
  }

  async round({ seconds }: Pick<Extent, 'seconds'>): Promise<void> {
    this.#rates.push(await this.#consume(seconds))
  }

  /** @returns events a second */
  async #consume(seconds: number): Promise<number> {
    const words = [CONSUMER, seconds, CONSUMERS, BATCH].map(String)
    const env = { PATH: process.env.PATH ?? '', DATABASE_URL: this.#databaseUrl }
    const { stdout } = await execute(process.execPath, words, { env })
    const { completed, seconds: took } = JSON.parse(stdout) as { completed: number; seconds: number }
    this.#sent.push(consumption(completed))
    return completed / took
  }

  verify(): Promise<void> {
    return verify(this.#running, this.#sent)
  }

  figure(): { contender: string; rate: number } {
    return { contender: this.#running.contender.name, rate: median(this.#rates) }
  }

  remove(): Promise<void> {
    return this.#running.remove()
  }
}

/** What was consumed, as verify() reads it: none is under way when the process has ended. */
function consumption(acked: number): Sent {
  const times = { seconds: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 }
  const answered = { requests: 0, refused: 0, failed: 0, acked, ...times }
  return { requests: 'consume', run: 0, kept: 1, connections: 0, perReceive: BATCH, answered }
}
