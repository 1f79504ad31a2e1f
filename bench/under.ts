import type { Case } from './cases.ts'
import { type Contender, Running } from './contender.ts'
import type { Answered } from './load/generator.ts'
import { load, newRun } from './load/load.ts'
import { post } from './load/post.ts'
import { median } from './median.ts'
import { first, preload, readyEvents } from './preload.ts'
import { type Sent, verify } from './verify.ts'

/** How long and how often each contender is measured. */
export interface Extent {
  rounds: number
  seconds: number
  warmUpSeconds: number
}

/** What one contender came to in one case: medians over the rounds. */
export interface Figure {
  contender: string
  /** Units a second: requests, formulas or events. */
  rate: number
  p50Ms: number
  p99Ms: number
  /** CPU time of the contender's process, of all its threads. */
  cpuUsPerUnit: number
  rssBytes: number
}

/** One measurement of a contender. */
export interface Round extends Omit<Figure, 'contender'> {
  units: number
}

/** One contender under the load of one case. */
export class Under {
  readonly running: Running
  readonly #case: Case
  readonly #rounds: Round[] = []
  readonly #sent: Sent[] = []
  /** The run of the make-ups that are sent again and again. */
  readonly #run = newRun()

  constructor(subject: Case, contender: Contender) {
    this.#case = subject
    this.running = new Running(contender)
  }

  /** Starts the contender, with so many formulas and events, and warms it up. */
  async prepare({ warmUpSeconds }: Extent, formulas = 0): Promise<void> {
    await this.running.start()
    const { url } = this.running
    if (formulas > 0) this.#sent.push(await preload(url, formulas))
    const { kept, perReceive } = this.#case
    const numbers = { requests: 'replay', run: this.#run, keys: this.#run, kept, perReceive } as const
    if (this.#repeats) await post(url, first(kept, numbers), 64)
    await this.queueEvents(warmUpSeconds)
    await this.#load(warmUpSeconds)
  }

  async round({ seconds: wanted }: Pick<Extent, 'seconds'>): Promise<Round> {
    const seconds = Math.min(wanted, this.#case.longestSeconds ?? wanted)
    await this.queueEvents(seconds)
    const before = await this.running.usage()
    const answered = await this.#load(seconds)
    const { cpuMs, rssBytes } = await this.running.usage()
    const { requests, unit } = this.#case
    if (requests === 'consume' && (await readyEvents(this.running.url)) === 0) throw new Error('The queue ran dry')
    const units = answered.acked + answered.requests * unit.perRequest
    const round = {
      units,
      rate: units / answered.seconds,
      p50Ms: answered.p50Ms,
      p99Ms: answered.p99Ms,
      cpuUsPerUnit: ((cpuMs - before.cpuMs) * 1000) / units,
      rssBytes,
    }
    this.#rounds.push(round)
    return round
  }

  get #repeats(): boolean {
    return this.#case.requests === 'replay' || this.#case.requests === 'duplicate'
  }

  /** Queues what is missing to last for so many seconds, so that consumers do not meet an empty queue. */
  async queueEvents(seconds: number): Promise<void> {
    if (this.#case.requests !== 'consume') return
    const missing = this.#case.eventsPerSecond * seconds - (await readyEvents(this.running.url))
    if (missing > 0) this.#sent.push(await preload(this.running.url, missing))
  }

  async #load(seconds: number): Promise<Answered> {
    const { requests, connections, kept, perReceive } = this.#case
    const run = this.#repeats ? this.#run : newRun()
    // A known make-up is refused under a key that is new.
    const keys = requests === 'duplicate' ? newRun() : run
    const answered = await load({ url: this.running.url, requests, run, keys, seconds, connections, kept, perReceive })
    this.#sent.push({ requests, run, kept, connections, perReceive, answered })
    const expected = requests === 'duplicate' && this.running.contender.stores ? answered.requests : 0
    if (answered.refused === expected) return answered
    throw new Error(`${this.running.contender.name}: ${answered.refused} of ${answered.requests} refused`)
  }

  verify(): Promise<void> {
    return verify(this.running, this.#sent)
  }

  figure(): Figure {
    const of = (field: keyof Round): number => median(this.#rounds.map((round) => round[field]))
    return {
      contender: this.running.contender.name,
      rate: of('rate'),
      p50Ms: of('p50Ms'),
      p99Ms: of('p99Ms'),
      cpuUsPerUnit: of('cpuUsPerUnit'),
      rssBytes: of('rssBytes'),
    }
  }

  remove(): Promise<void> {
    return this.running.remove()
  }
}
