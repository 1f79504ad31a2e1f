import { setTimeout as pause } from 'node:timers/promises'
import { ClientHistory, type FormulaBody, resending, type Send, sendTo } from '../client-history.ts'
import { Consumers, Submitters } from '../clients.ts'
import type { Chance } from '../extent.ts'
import type { CommitStrategy } from '../stores.ts'

/** A client's pause after each answer, in milliseconds; it limits what `judge` has to send again. */
const REST_MS = 15
/** The interval and the time limit of the probes after a disturbance, in milliseconds. */
const PROBE = { everyMs: 50, mostMs: 120_000 }

export const MAX_RECEIVES = 6
/** The configuration of a service whose deadlines are shorter than a disturbance, so that submissions also fail for good. */
export const LIMITS = {
  EVENT_MAX_RECEIVES: String(MAX_RECEIVES),
  SUBMIT_RETRY_BASE_MS: '100',
  SUBMIT_RETRY_MAX_MS: '1000',
  SUBMIT_DEADLINE_MS: '6000',
  IDEMPOTENCY_WAIT_MS: '2000',
}

interface LoadOptions {
  chance: Chance
  maxReceives: number
  strategy: CommitStrategy
  submitters?: number
  consumers?: number
}

/** Clients that submit to and consume from the instances of one service. */
export class Load {
  readonly history: ClientHistory
  /** Numbers of answers, by kind of request and status. */
  readonly answers: Record<string, number> = {}
  #urls: string[]
  readonly #chance: Chance
  readonly #clients: ((send: Send) => Promise<void>)[]
  #stopping = new AbortController()
  #running: Promise<void>[] = []
  #probes = 0

  constructor(urls: string[], { chance, maxReceives, strategy, submitters = 8, consumers = 3 }: LoadOptions) {
    this.#urls = urls
    this.#chance = chance
    this.history = new ClientHistory({ maxReceives, inOrder: strategy === 'one transaction' })
    const submitting = new Submitters(this.history, chance)
    const consuming = new Consumers(this.history, chance)
    this.#clients = [
      ...Array.from({ length: submitters }, () => (send: Send) => submitting.client(send)),
      ...Array.from({ length: consumers }, () => (send: Send) => consuming.client(send)),
    ]
  }

  start(): void {
    this.#stopping = new AbortController()
    this.#running = this.#clients.map((client) => this.#run(client))
  }

  /** Stops all clients after their current request. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running)
  }

  /** Sends no more requests to an instance. */
  leave(url: string): void {
    this.#urls = this.#urls.filter((other) => other !== url)
  }

  /** Restarts a client that is cut off, or refused while it consumes. */
  async #run(client: (send: Send) => Promise<void>): Promise<void> {
    const { signal } = this.#stopping
    const connections = new Map<string, ReturnType<typeof sendTo>>()
    const send: Send = async (...request) => {
      if (signal.aborted) throw new Error('The load is over')
      const url = this.#chance.oneOf(this.#urls)
      const connection = connections.get(url) ?? sendTo(url)
      connections.set(url, connection)
      const reply = await connection.send(...request).finally(() => pause(REST_MS))
      this.#count(request[1], reply.status)
      return reply
    }
    while (!signal.aborted) {
      await client(send)
      await pause(REST_MS)
    }
    for (const { close } of connections.values()) close()
  }

  #count(path: string, status: number): void {
    const what = `${path.startsWith('/events') ? 'events' : 'formulas'} ${status}`
    this.answers[what] = (this.answers[what] ?? 0) + 1
  }

  /** Waits until the service accepts formulas, delivers events and is ready. @returns the milliseconds */
  async msUntilBack(): Promise<number> {
    const begun = performance.now()
    const { send, close } = sendTo(this.#chance.oneOf(this.#urls))
    const back = Promise.withResolvers<number>()
    const probes: Promise<void>[] = []
    let isBack = false
    while (!isBack && performance.now() - begun < PROBE.mostMs) {
      const probe = this.#probe(send).then((isWell) => {
        if (isWell) back.resolve(performance.now() - begun)
        isBack ||= isWell
      })
      probes.push(probe)
      await Promise.race([back.promise, pause(PROBE.everyMs)])
    }
    await Promise.all(probes)
    close()
    return isBack ? back.promise : Number.POSITIVE_INFINITY
  }

  async #probe(send: Send): Promise<boolean> {
    const number = ++this.#probes
    const body: FormulaBody = { name: `Probe ${number}`, materials: [{ name: 'Probe', concentration: number }] }
    const [submitted, received, ready] = await Promise.all([
      this.history.submit(send, `probe-${number}`, body),
      this.history.receive(send, 1, 1),
      send('GET', '/health/ready').catch(() => null),
    ])
    return submitted?.status === 200 && received !== null && ready?.status === 200
  }

  /** Is patient with a loaded machine. @returns all violations; see ClientHistory.judge */
  async judge(whole: boolean): Promise<string[]> {
    const { send, close } = sendTo(this.#chance.oneOf(this.#urls))
    const violations = await this.history.judge(resending(send), { whole })
    close()
    return violations
  }
}
