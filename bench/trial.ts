import type { Case } from './cases.ts'
import { type Contender, Running, type Usage } from './contender.ts'
import { load, newRun, type Sent } from './load/load.ts'
import { calm, preload, readyEvents, sendFirst, storedPaths } from './load/preload.ts'
import { medians } from './statistics.ts'
import { verify } from './verify.ts'

/** How long and how often each contender is measured. */
export interface Extent {
  rounds: number
  seconds: number
  warmUpSeconds: number
}

/** One measurement of a contender. A unit is a formula, an event or an answer. */
export type Round = {
  units: number
  /** Units per second. */
  rate: number
  p50Ms: number
  p99Ms: number
  /** CPU time of the process, of all its threads. */
  cpuUsPerUnit: number
  rssBytes: number
  /** Bytes that the process wrote to disk; NaN where the system does not count them. */
  writtenBytesPerUnit: number
}

/** The result of one contender in one case: medians over the rounds. */
export interface Figure extends Round {
  contender: string
  /** Size of its files after a stop, per formula with its event and answer; only where each request stores new ones. */
  keptBytesPerFormula?: number
}

/** What `measureInTurns` needs of a trial. */
export interface Measurable {
  prepare(extent: Extent): Promise<void>
  round(extent: Extent): Promise<unknown>
  verify(): Promise<void>
  remove(): Promise<void>
}

interface TrialOptions {
  /** Stored before the warm-up, by an earlier process. */
  formulas?: number
  /** Called before each measurement. */
  beforeRound?: (running: Running) => Promise<unknown>
}

/** One contender under the load of one case. */
export class Trial implements Measurable {
  readonly running: Running
  readonly rounds: Round[] = []
  readonly #case: Case
  readonly #options: TrialOptions
  readonly #sent: Sent[] = []
  /** The run of formulas that are sent repeatedly. */
  readonly #run = newRun()
  /** What `get` reads. */
  #paths: string[] = []
  #keptBytesPerFormula = 0

  constructor(subject: Case, contender: Contender, options: TrialOptions = {}) {
    this.#case = { ...subject, ...contender.load }
    this.#options = options
    this.running = new Running(contender)
  }

  /** Starts the contender, fills its store, and warms it up. */
  async prepare({ warmUpSeconds }: Extent): Promise<void> {
    await this.running.start()
    const { formulas = 0 } = this.#options
    const { kept, requests } = this.#case
    if (formulas > 0) {
      await this.#preload(formulas)
      // Lists of 1,000 take memory that is not returned.
      await this.running.kill('SIGTERM')
      await this.running.start()
    }
    if (requests === 'get') await this.#prepareReads()
    if (this.#repeats) {
      await sendFirst(this.running.url, kept, { requests: 'replay', run: this.#run, kept })
    }
    await this.#queueEvents(warmUpSeconds)
    await this.#load(warmUpSeconds)
  }

  async round({ seconds: wanted }: Extent): Promise<Round> {
    const seconds = Math.min(wanted, this.#case.maxSeconds ?? wanted)
    await this.#queueEvents(seconds)
    await this.#options.beforeRound?.(this.running)
    const before = await this.running.usage()
    const answered = await this.#load(seconds)
    const after = await this.running.usage()
    const isConsumer = this.#case.unit === 'events'
    if (isConsumer && (await readyEvents(this.running.url)) === 0) throw new Error('The queue ran dry')
    const units = isConsumer ? answered.acked : answered.requests * this.#case.unitsPerRequest
    if (units === 0) throw new Error('Nothing was answered within a round')
    const perUnit = (field: keyof Usage): number => (after[field] - before[field]) / units
    const round = {
      units,
      rate: units / answered.seconds,
      p50Ms: answered.p50Ms,
      p99Ms: answered.p99Ms,
      cpuUsPerUnit: perUnit('cpuMs') * 1000,
      rssBytes: after.rssBytes,
      writtenBytesPerUnit: perUnit('writtenBytes'),
    }
    this.rounds.push(round)
    return round
  }

  get #repeats(): boolean {
    return this.#case.requests === 'replay' || this.#case.requests === 'duplicate'
  }

  async #prepareReads(): Promise<void> {
    const { kept, reads } = this.#case
    await this.#preload(kept)
    this.#paths = reads === 'liveness' ? ['/health/live'] : (await storedPaths(this.running.url))[reads]
  }

  async #preload(formulas: number): Promise<void> {
    if (formulas <= 0) return
    this.#sent.push(await preload(this.running.url, formulas))
    await calm(this.running.url)
  }

  /** Fills the queue, so that consumers do not run out of events within `seconds`. */
  async #queueEvents(seconds: number): Promise<void> {
    if (this.#case.unit !== 'events') return
    await this.#preload(this.#case.eventsPerSecond * seconds - (await readyEvents(this.running.url)))
  }

  async #load(seconds: number): Promise<Sent['answered']> {
    const { requests, connections, kept, perReceive } = this.#case
    const run = this.#repeats ? this.#run : newRun()
    // A duplicate needs a new key; a known one would be a replay.
    const keys = requests === 'duplicate' ? newRun() : run
    const { url } = this.running
    const sent = await load({ url, requests, run, keys, seconds, connections, kept, perReceive, paths: this.#paths })
    this.#sent.push(sent)
    const { answered } = sent
    const { name, stores } = this.running.contender
    if (answered.refused === (requests === 'duplicate' && stores ? answered.requests : 0)) return answered
    throw new Error(`${name}: ${answered.refused} of ${answered.requests} refused`)
  }

  /** @throws {Error} when something that was answered is missing */
  async verify(): Promise<void> {
    if (!this.running.contender.stores) return
    const formulas = await verify(this.running, this.#sent)
    await this.running.kill('SIGTERM')
    if (this.#repeats || this.#case.unit !== 'formulas') return
    this.#keptBytesPerFormula = (await this.storedBytes()) / formulas
  }

  protected async storedBytes(): Promise<number> {
    return this.running.storedBytes()
  }

  figure(): Figure {
    return {
      contender: this.running.contender.name,
      ...medians(this.rounds),
      ...(this.#keptBytesPerFormula > 0 && { keptBytesPerFormula: this.#keptBytesPerFormula }),
    }
  }

  remove(): Promise<void> {
    return this.running.remove()
  }
}

/**
 * Measures trials in turns, so that disturbances affect all alike. The order rotates, as a measurement may affect the
 * next one. Then verifies that everything they answered is stored.
 * @returns the trials
 * @throws {Error} when something is missing: then the figures do not count
 */
export async function measureInTurns<T extends Measurable>(trials: T[], extent: Extent): Promise<T[]> {
  try {
    for (const trial of trials) await trial.prepare(extent)
    for (let round = 0; round < extent.rounds; round++) {
      for (const trial of rotated(trials, round)) await trial.round(extent)
    }
    for (const trial of trials) await trial.verify()
    return trials
  } finally {
    for (const trial of trials) await trial.remove()
  }
}

export function rotated<T>(items: T[], by: number): T[] {
  const first = by % items.length
  return [...items.slice(first), ...items.slice(0, first)]
}
