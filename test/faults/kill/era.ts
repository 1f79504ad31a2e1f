import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as waitMs } from 'node:timers/promises'
import type { Test } from 'tap'
import { type StartingProcess, spawnService } from '../../process/service-process.ts'
import type { Chance } from '../extent.ts'
import { Ledger, type Send, sendTo } from '../ledger.ts'
import { Consumers } from './consumers.ts'
import { Submitters } from './submitters.ts'
import { add, NONE, sumOf, type Unfinished, unfinished } from './unfinished.ts'

export type Way = 'one transaction' | 'saga'

const SUBMITTERS = 26
const CONSUMERS = 6
const MAX_RECEIVES = 6

/** A service that does not listen by then after a kill has broken the promise, in milliseconds. */
const START_MS = 20_000
/** How long a load may last before the kill, in milliseconds. */
const LOAD_MS = { shortest: 5, longest: 200 }
/** How long after its first write a recovery is killed at most, in milliseconds. */
const RECOVERY_MS = 30

interface Running {
  url: string
  send: Send
  /** Kills the service, and waits for its end. */
  kill(): Promise<void>
}

/** What the kills of an era met. */
export interface Met {
  /** Kills under load. */
  kills: number
  /** Kills before the service listened. */
  startsKilled: number
  /** Of those, in the middle of recovery: some of what was unfinished had been worked off, and not all. */
  recoveriesKilled: number
  /** Kills under load that left sagas unfinished, and how many behind which step. */
  killsBetweenSteps: number
  steps: Unfinished
}

/** One service on one set of files, from the first start through many kills, its clients and their ledger. */
export class Era {
  readonly #t: Test
  readonly #way: Way
  readonly #chance: Chance
  readonly #directory: string
  readonly #environment: Record<string, string>
  readonly #ledger = new Ledger({ maxReceives: MAX_RECEIVES })
  readonly #submitters: Submitters
  readonly #consumers: Consumers
  /** How long the last start took, in milliseconds. */
  #startMs = 500
  readonly met: Met = { kills: 0, startsKilled: 0, recoveriesKilled: 0, killsBetweenSteps: 0, steps: { ...NONE } }

  constructor(t: Test, way: Way, chance: Chance) {
    this.#t = t
    this.#way = way
    this.#chance = chance
    this.#directory = t.testdir()
    this.#environment = {
      DATABASE_URL: `sqlite:${join(this.#directory, 'formulas.db')}`,
      QUEUE_URL: `sqlite:${join(this.#directory, way === 'saga' ? 'events.db' : 'formulas.db')}`,
      EVENT_MAX_RECEIVES: String(MAX_RECEIVES),
    }
    this.#submitters = new Submitters(this.#ledger, chance)
    this.#consumers = new Consumers(this.#ledger, chance)
  }

  /** A start, mostly a judgement, a load, and a kill. @returns what is broken of the promise */
  async cycle(): Promise<string[]> {
    if (this.#chance.happens(30)) await this.#killStart()
    const service = await this.#start()
    // Where it is not judged, clients who were cut off are the first to send again, all at once, into the next kill.
    const violations = this.#chance.happens(70) ? await this.#ledger.judge(service.send, { whole: false }) : []
    await this.#loadAndKill(service)
    return violations
  }

  /** A last start, and a judgement of everything. */
  async end(): Promise<string[]> {
    const service = await this.#start()
    const violations = await this.#ledger.judge(service.send, { whole: true })
    await service.kill()
    return violations
  }

  async #start(): Promise<Running> {
    const begun = performance.now()
    const service = spawnService(this.#t, this.#environment)
    const url = await inTime(service, START_MS)
    this.#startMs = performance.now() - begun
    const { send, close } = sendTo(url)
    const kill = async (): Promise<void> => {
      await service.kill('SIGKILL')
      close()
    }
    return { url, send, kill }
  }

  /** Kills before it listens: at a random moment since the spawn, or soon after it has begun to write, to recover. */
  async #killStart(): Promise<void> {
    const before = this.#unfinished()
    const service = spawnService(this.#t, this.#environment)
    const listens = service.listening.then(
      () => 'listens',
      () => 'killed',
    )
    if (sumOf(before) > 0 && this.#chance.happens(75)) {
      await Promise.race([this.#nextWrite(), listens])
      await waitMs(this.#chance.integer(0, RECOVERY_MS))
    } else await waitMs((this.#startMs * this.#chance.integer(0, 105)) / 100)
    await service.kill('SIGKILL')
    this.met.startsKilled++
    const after = this.#unfinished()
    const isBegun = sumOf(after) < sumOf(before) || after.rollingBack > before.rollingBack
    if (isBegun && sumOf(after) > 0) this.met.recoveriesKilled++
  }

  /** Waits until the database's log is written. */
  async #nextWrite(): Promise<void> {
    const log = join(this.#directory, 'formulas.db-wal')
    const written = (): number => statSync(log, { throwIfNoEntry: false })?.mtimeMs ?? 0
    const before = written()
    for (const until = performance.now() + START_MS; written() === before && performance.now() < until; )
      await waitMs(1)
  }

  async #loadAndKill({ url, kill }: Running): Promise<void> {
    const connections = Array.from({ length: SUBMITTERS + CONSUMERS }, () => sendTo(url))
    const clients = connections.map(({ send }, index) =>
      index < SUBMITTERS ? this.#submitters.client(send) : this.#consumers.client(send),
    )
    await waitMs(this.#chance.integer(LOAD_MS.shortest, LOAD_MS.longest))
    await kill()
    await Promise.all(clients)
    for (const { close } of connections) close()
    this.met.kills++
    const left = this.#unfinished()
    if (sumOf(left) > 0) this.met.killsBetweenSteps++
    add(this.met.steps, left)
  }

  #unfinished(): Unfinished {
    return this.#way === 'saga' ? unfinished(this.#directory) : { ...NONE }
  }
}

/** Waits until a service listens. */
async function inTime({ listening, kill }: StartingProcess, ms: number): Promise<string> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(async () => {
    const { stdout, stderr } = await kill('SIGKILL')
    late.reject(new Error(`It does not listen after ${ms} ms: ${[...stdout, ...stderr].join('\n')}`))
  }, ms)
  return Promise.race([listening, late.promise]).finally(() => clearTimeout(timer))
}
