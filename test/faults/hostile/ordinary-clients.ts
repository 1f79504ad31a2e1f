import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { post } from '../../support/service-process.ts'

const SUBMITTERS = 3
const CONSUMERS = 2
/** Between requests, to leave the machine to hostile clients, in milliseconds. */
const PAUSE_MS = 20
const CROWD_PAUSE_MS = 50
/** No request of an ordinary client may take longer, in milliseconds. */
const SLOWEST_MS = 10_000

interface Event {
  id: string
  receipt: string
}

/** The results of ordinary clients. */
interface Report {
  submitted: number
  slowestMs: number
  /** Every violation of the contract. */
  wrong: string[]
  /** Ids of accepted formulas without an event. */
  missing: string[]
}

/** Clients that submit, replay, read and consume until they are stopped, and check each answer. */
export class OrdinaryClients {
  readonly #url: string
  readonly #wrong: string[] = []
  readonly #accepted = new Set<string>()
  readonly #events = new Set<string>()
  #submitting = true
  #consuming = true
  #number = 0
  #slowestMs = 0
  readonly #submitters: Promise<void>[]
  readonly #consumers: Promise<void>[]

  constructor(url: string) {
    this.#url = url
    this.#submitters = Array.from({ length: SUBMITTERS }, () =>
      this.#until(
        () => this.#submitting,
        () => this.#submit(),
      ),
    )
    this.#consumers = Array.from({ length: CONSUMERS }, () =>
      this.#until(
        () => this.#consuming,
        () => this.#consume(),
      ),
    )
  }

  /** How many submissions have been answered 200. */
  get submitted(): number {
    return this.#accepted.size
  }

  /** Stops the submitters, and the consumers when they have every event. */
  async stop(): Promise<Report> {
    this.#submitting = false
    await Promise.all(this.#submitters)
    const overdue = Date.now() + SLOWEST_MS
    while (this.#missing().length > 0 && Date.now() < overdue) await pause(PAUSE_MS)
    this.#consuming = false
    await Promise.all(this.#consumers)
    const slowestMs = Math.round(this.#slowestMs)
    return { submitted: this.submitted, slowestMs, wrong: this.#wrong, missing: this.#missing() }
  }

  #missing(): string[] {
    return [...this.#accepted].filter((id) => !this.#events.has(id))
  }

  async #until(goesOn: () => boolean, act: () => Promise<void>): Promise<void> {
    while (goesOn() && this.#wrong.length < 10) {
      const begun = performance.now()
      await act().catch((error: Error) => this.#wrong.push(`${error.message} ${String(error.cause ?? '')}`))
      const took = performance.now() - begun
      this.#slowestMs = Math.max(this.#slowestMs, took)
      if (took > SLOWEST_MS) this.#wrong.push(`${Math.round(took)} ms`)
      await pause(PAUSE_MS)
    }
  }

  async #submit(): Promise<void> {
    const number = ++this.#number
    const body = { name: `Ordinary ${number}`, materials: [{ name: 'Jasmine', concentration: number }] }
    const answer = await post(this.#url, `ordinary-${number}`, body)
    const text = await answer.text()
    const { formulas = [] } = JSON.parse(text) as { formulas?: { id: string; name: string }[] }
    const [stored] = formulas
    if (answer.status !== 200 || stored?.name !== body.name) throw new Error(`submitted: ${answer.status} ${text}`)
    this.#accepted.add(stored.id)
    const again = await post(this.#url, `ordinary-${number}`, body)
    if ((await again.text()) !== text) throw new Error(`replayed: ${again.status}`)
    const read = await fetch(`${this.#url}/formulas/${stored.id}`)
    if (JSON.stringify(await read.json()) !== JSON.stringify(stored)) throw new Error(`read: ${read.status}`)
  }

  async #consume(): Promise<void> {
    const { events } = (await this.#call('/events/receive', { max: 50 })) as { events: Event[] }
    if (events.length === 0) return
    for (const { id } of events) this.#events.add(id)
    const settled = await this.#call('/events/ack', { receipts: events.map(({ receipt }) => receipt) })
    if (settled.acked !== events.length) throw new Error(`acked: ${JSON.stringify(settled)}`)
  }

  async #call(path: string, body: object): Promise<Record<string, unknown>> {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${this.#url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`)
    return JSON.parse(text)
  }
}

interface Served {
  submitted: number
  slowestMs: number
  /** Every answer that was not 200, or late. */
  wrong: string[]
}

/** Clients with one connection each that submit small formulas until they are stopped. */
export class OrdinarySubmitters {
  static #numbers = 0
  readonly #port: number
  readonly #key: string | undefined
  readonly #agent: Agent
  readonly #clients: Promise<void>[]
  readonly #served: Served = { submitted: 0, slowestMs: 0, wrong: [] }
  #goesOn = true

  constructor(port: number, clients: number, key?: string) {
    this.#port = port
    this.#key = key
    this.#agent = new Agent({ keepAlive: true, maxSockets: clients })
    this.#clients = Array.from({ length: clients }, () => this.#submitOn())
  }

  get submitted(): number {
    return this.#served.submitted
  }

  async stop(): Promise<Served> {
    this.#goesOn = false
    await Promise.all(this.#clients)
    this.#agent.destroy()
    return this.#served
  }

  async #submitOn(): Promise<void> {
    while (this.#goesOn && this.#served.wrong.length < 10) {
      const begun = performance.now()
      const answer = await this.#submit().catch((error: Error) => error.message)
      const took = Math.round(performance.now() - begun)
      this.#served.slowestMs = Math.max(this.#served.slowestMs, took)
      if (answer === '200' && took <= SLOWEST_MS) this.#served.submitted++
      else this.#served.wrong.push(`${answer} after ${took} ms`)
      await pause(CROWD_PAUSE_MS)
    }
  }

  /** @returns the status, and the body where it is not 200 */
  #submit(): Promise<string> {
    const number = ++OrdinarySubmitters.#numbers
    const body = JSON.stringify({
      name: `Ordinary ${number}`,
      materials: [{ name: 'Linalool', concentration: number }],
    })
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const call = request(
      {
        agent: this.#agent,
        host: '127.0.0.1',
        port: this.#port,
        method: 'POST',
        path: '/formulas',
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'idempotency-key': `ordinary-${number}`,
          ...(this.#key !== undefined && { authorization: `Bearer ${this.#key}` }),
        },
      },
      async (answer) => {
        const text = (await answer.toArray()).join('')
        resolve(answer.statusCode === 200 ? '200' : `${answer.statusCode} ${text.slice(0, 200)}`)
      },
    )
    call.on('error', reject).end(body)
    return promise
  }
}
