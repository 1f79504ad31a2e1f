import { setTimeout as waitMs } from 'node:timers/promises'
import type { Test } from 'tap'
import { type StartingProcess, spawnService } from '../../support/service-process.ts'
import { ClientHistory, type Send, sendTo } from '../client-history.ts'
import { Consumers, Submitters } from '../clients.ts'
import { type Chance, chance, seed } from '../extent.ts'
import type { CommitStrategy } from '../stores.ts'
import { add, NONE, type Storage, sumOf, type Unfinished } from './storage.ts'

const SUBMITTERS = 26
const CONSUMERS = 6
const MAX_RECEIVES = 6
const SUBSCRIPTIONS = ['default', 'erp'] as const
/** After this time from a start, what all have passed is trimmed, in milliseconds. */
const SWEEP_MS = 11_000

/** How long a start may take after a kill, in milliseconds. */
const START_MS = 60_000
/** How long a load lasts before the kill, from its start or mostly from its first answer, in milliseconds. */
const LOAD_MS = { shortest: 5, longest: 200 }
/** At most this long after its first write a recovery is killed, in milliseconds. */
const RECOVERY_MS = 30

interface Running {
  url: string
  send: Send
  kill(): Promise<void>
}

/** Numbers of kills, by what they interrupted. */
export interface Kills {
  /** Kills under load. */
  kills: number
  /** Kills before the service listened. */
  startsKilled: number
  /** Of those, after some of the unfinished sagas had been recovered, but not all. */
  recoveriesKilled: number
  /** Kills under load that left unfinished sagas. */
  killsBetweenSteps: number
  /** Those sagas. */
  steps: Unfinished
}

/** A service on the same storage through many kills, with its clients and their history. */
class KilledService {
  readonly #t: Test
  readonly #storage: Storage
  readonly #chance: Chance
  readonly #environment: Record<string, string>
  readonly #history: ClientHistory
  readonly #submitters: Submitters
  readonly #consumers: Consumers
  /** How long the last start took, in milliseconds. */
  #startMs = 500
  readonly #counts: Kills

  constructor(t: Test, storage: Storage, chance: Chance, counts: Kills) {
    this.#counts = counts
    this.#t = t
    this.#storage = storage
    this.#chance = chance
    const limits = { EVENT_MAX_RECEIVES: String(MAX_RECEIVES), EVENT_RETENTION_HOURS: '0' }
    this.#environment = { ...storage.environment, ...limits }
    this.#history = new ClientHistory({
      maxReceives: MAX_RECEIVES,
      inOrder: storage.inOrder,
      subscriptions: SUBSCRIPTIONS,
    })
    this.#submitters = new Submitters(this.#history, chance)
    this.#consumers = new Consumers(this.#history, chance)
  }

  /** Starts, mostly checks everything, serves, and is killed. @returns the violations */
  async cycle(): Promise<string[]> {
    if (this.#chance.happens(30)) await this.#killStart()
    const service = await this.#start()
    // Without checks, the clients that were cut off all send again at once, before the next kill.
    const violations = this.#chance.happens(70) ? await this.#judge(service, false) : []
    await this.#loadAndKill(service)
    return violations
  }

  /** Starts a last time, lets events be trimmed, and checks everything. */
  async end(): Promise<string[]> {
    const service = await this.#start()
    await waitMs(SWEEP_MS)
    const violations = await this.#judge(service, true)
    await service.kill()
    return violations
  }

  async #judge({ send }: Running, whole: boolean): Promise<string[]> {
    return [...(await this.#storage.settled()), ...(await this.#history.judge(send, { whole }))]
  }

  async #start(): Promise<Running> {
    const begun = performance.now()
    const service = spawnService(this.#t, this.#environment)
    const url = await inTime(service, START_MS)
    this.#startMs = performance.now() - begun
    const { send, close } = sendTo(url)
    for (const name of SUBSCRIPTIONS) {
      await send('PUT', `/subscriptions/${name}`, {}, '{"from":"start"}')
    }
    const kill = async (): Promise<void> => {
      await service.kill('SIGKILL')
      close()
    }
    return { url, send, kill }
  }

  /** Kills before it listens: at a random moment, or soon after recovery has begun to write. */
  async #killStart(): Promise<void> {
    const before = await this.#storage.unfinished()
    const service = spawnService(this.#t, this.#environment)
    const listens = service.listening.then(
      () => 'listens',
      () => 'killed',
    )
    if (sumOf(before) > 0 && this.#chance.happens(75)) {
      await Promise.race([this.#storage.nextWrite(), listens])
      await waitMs(this.#chance.integer(0, RECOVERY_MS))
    } else await waitMs((this.#startMs * this.#chance.integer(0, 105)) / 100)
    await service.kill('SIGKILL')
    this.#counts.startsKilled++
    const after = await this.#storage.unfinished()
    const isBegun = sumOf(after) < sumOf(before) || after.rollingBack > before.rollingBack
    if (isBegun && sumOf(after) > 0) this.#counts.recoveriesKilled++
  }

  async #loadAndKill({ url, kill }: Running): Promise<void> {
    const connections = Array.from({ length: SUBMITTERS + CONSUMERS }, () => sendTo(url))
    const clients = connections.map(({ send }, index) =>
      index < SUBMITTERS ? this.#submitters.client(send) : this.#consumers.client(send),
    )
    const cutOff = Promise.all(clients)
    // Mostly under full load, which a slow machine takes longer to reach than the longest load lasts.
    if (this.#chance.happens(75)) await Promise.race([this.#submitters.nextAnswer(), cutOff])
    await waitMs(this.#chance.integer(LOAD_MS.shortest, LOAD_MS.longest))
    await kill()
    await cutOff
    for (const { close } of connections) close()
    this.#counts.kills++
    const left = await this.#storage.unfinished()
    if (sumOf(left) > 0) this.#counts.killsBetweenSteps++
    add(this.#counts.steps, left)
  }
}

/** Waits until a service listens, for at most `ms`. */
async function inTime({ listening, lines, kill }: StartingProcess, ms: number): Promise<string> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new Error(`It does not listen after ${ms} ms: ${lines.join('\n')}`))
    void kill('SIGKILL')
  }, ms)
  return Promise.race([listening, late.promise]).finally(() => clearTimeout(timer))
}

/** Violations shown; one often causes others. */
const SHOWN = 20

interface KillOptions {
  strategy: CommitStrategy
  /** Kills under load. */
  kills: number
  /** Kills on the same storage before the final check. */
  killsPerRound: number
  /** Creates empty storage for a round. */
  newStorage(t: Test): Promise<Storage>
}

/** Kills a service again and again, in rounds with new storage, and checks it. */
export async function killRepeatedly(
  t: Test,
  { strategy, kills, killsPerRound, newStorage }: KillOptions,
): Promise<Kills> {
  const counts: Kills = { kills: 0, startsKilled: 0, recoveriesKilled: 0, killsBetweenSteps: 0, steps: { ...NONE } }
  for (let round = 1; counts.kills < kills && t.passing(); round++) {
    await t.test(`round ${round}`, async (t) => {
      const service = new KilledService(
        t,
        await newStorage(t),
        chance(round + (strategy === 'saga' ? 1_000 : 0)),
        counts,
      )
      await runRound(
        t,
        service,
        `${strategy}, seed ${seed}, round ${round}`,
        Math.min(killsPerRound, kills - counts.kills),
      )
    })
  }
  t.comment(`${strategy}: ${JSON.stringify(counts)}`)
  return counts
}

async function runRound(t: Test, service: KilledService, name: string, kills: number): Promise<void> {
  const judged = async (when: string, violations: Promise<string[]>): Promise<boolean> => {
    const found = await violations.catch((error: Error) => [error.message])
    if (found.length > 0) t.fail(`${name}, ${when}`, { violations: found.slice(0, SHOWN) })
    return found.length === 0
  }
  let isKept = true
  for (let cycle = 1; cycle <= kills && isKept; cycle++) isKept = await judged(`cycle ${cycle}`, service.cycle())
  if (isKept) await judged('the end', service.end())
}
