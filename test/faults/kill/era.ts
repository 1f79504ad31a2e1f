import { setTimeout as waitMs } from 'node:timers/promises'
import type { Test } from 'tap'
import { type StartingProcess, spawnService } from '../../support/service-process.ts'
import type { Chance } from '../extent.ts'
import { Ledger, type Send, sendTo } from '../ledger.ts'
import { Consumers } from './consumers.ts'
import type { Place } from './place.ts'
import { Submitters } from './submitters.ts'
import { add, NONE, sumOf, type Unfinished } from './unfinished.ts'

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

/** One service in one place, from the first start through many kills, its clients and their ledger. */
export class Era {
  readonly #t: Test
  readonly #place: Place
  readonly #chance: Chance
  readonly #environment: Record<string, string>
  readonly #ledger: Ledger
  readonly #submitters: Submitters
  readonly #consumers: Consumers
  /** How long the last start took, in milliseconds. */
  #startMs = 500
  readonly met: Met = { kills: 0, startsKilled: 0, recoveriesKilled: 0, killsBetweenSteps: 0, steps: { ...NONE } }

  constructor(t: Test, place: Place, chance: Chance) {
    this.#t = t
    this.#place = place
    this.#chance = chance
    this.#environment = { ...place.environment, EVENT_MAX_RECEIVES: String(MAX_RECEIVES) }
    this.#ledger = new Ledger({ maxReceives: MAX_RECEIVES, inOrder: place.inOrder })
    this.#submitters = new Submitters(this.#ledger, chance)
    this.#consumers = new Consumers(this.#ledger, chance)
  }

  /** A start, mostly a judgement, a load, and a kill. @returns what is broken of the promise */
  async cycle(): Promise<string[]> {
    if (this.#chance.happens(30)) await this.#killStart()
    const service = await this.#start()
    // Where it is not judged, clients who were cut off are the first to send again, all at once, into the next kill.
    const violations = this.#chance.happens(70) ? await this.#judge(service, false) : []
    await this.#loadAndKill(service)
    return violations
  }

  /** A last start, and a judgement of everything. */
  async end(): Promise<string[]> {
    const service = await this.#start()
    const violations = await this.#judge(service, true)
    await service.kill()
    return violations
  }

  async #judge({ send }: Running, whole: boolean): Promise<string[]> {
    return [...(await this.#place.settled()), ...(await this.#ledger.judge(send, { whole }))]
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
    const before = await this.#place.unfinished()
    const service = spawnService(this.#t, this.#environment)
    const listens = service.listening.then(
      () => 'listens',
      () => 'killed',
    )
    if (sumOf(before) > 0 && this.#chance.happens(75)) {
      await Promise.race([this.#place.nextWrite(), listens])
      await waitMs(this.#chance.integer(0, RECOVERY_MS))
    } else await waitMs((this.#startMs * this.#chance.integer(0, 105)) / 100)
    await service.kill('SIGKILL')
    this.met.startsKilled++
    const after = await this.#place.unfinished()
    const isBegun = sumOf(after) < sumOf(before) || after.rollingBack > before.rollingBack
    if (isBegun && sumOf(after) > 0) this.met.recoveriesKilled++
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
    const left = await this.#place.unfinished()
    if (sumOf(left) > 0) this.met.killsBetweenSteps++
    add(this.met.steps, left)
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
