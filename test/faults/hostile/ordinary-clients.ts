import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'

/** No request of an ordinary client may take longer, in milliseconds. */
const SLOWEST_MS = 10_000

interface Options {
  /** Clients that submit; each replay and each stored formula is checked if there are consumers. */
  submitters: number
  consumers?: number
  /** Between requests, to leave the machine to hostile clients, in milliseconds. */
  pauseMs: number
  /** An API key. */
  key?: string
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

/** Clients with one connection each that submit and consume until they are stopped, and check each answer. */
export class OrdinaryClients {
  static #numbers = 0
  readonly #url: string
  readonly #options: Options
  readonly #agent: Agent
  readonly #wrong: string[] = []
  readonly #accepted = new Set<string>()
  readonly #events = new Set<string>()
  #submitting = true
  #consuming = true
  #slowestMs = 0
  readonly #submitters: Promise<void>[]
  readonly #consumers: Promise<void>[]

  constructor(url: string, options: Options) {
    const { submitters, consumers = 0 } = options
    this.#url = url
    this.#options = options
    this.#agent = new Agent({ keepAlive: true, maxSockets: submitters + consumers })
    const submit = (): Promise<void> => this.#submit(consumers > 0)
    this.#submitters = Array.from({ length: submitters }, () => this.#repeat(() => this.#submitting, submit))
    const consume = (): Promise<void> => this.#consume()
    this.#consumers = Array.from({ length: consumers }, () => this.#repeat(() => this.#consuming, consume))
  }

  /** How many submissions have been answered 200. */
  get submitted(): number {
    return this.#accepted.size
  }

  /** Stops the submitters, and the consumers when they have every event. */
  async stop(): Promise<Report> {
    this.#submitting = false
    await Promise.all(this.#submitters)
    const overdue = Date.now() + (this.#consumers.length > 0 ? SLOWEST_MS : 0)
    while (this.#missing().length > 0 && Date.now() < overdue) await pause(this.#options.pauseMs)
    this.#consuming = false
    await Promise.all(this.#consumers)
    this.#agent.destroy()
    const slowestMs = Math.round(this.#slowestMs)
    return { submitted: this.submitted, slowestMs, wrong: this.#wrong, missing: this.#missing() }
  }

  #missing(): string[] {
    return [...this.#accepted].filter((id) => !this.#events.has(id))
  }

  async #repeat(goesOn: () => boolean, act: () => Promise<void>): Promise<void> {
    while (goesOn() && this.#wrong.length < 10) {
      const begun = performance.now()
      await act().catch((error: Error) => this.#wrong.push(error.message))
      const took = performance.now() - begun
      this.#slowestMs = Math.max(this.#slowestMs, took)
      if (took > SLOWEST_MS) this.#wrong.push(`${Math.round(took)} ms`)
      await pause(this.#options.pauseMs)
    }
  }

  async #submit(isChecked: boolean): Promise<void> {
    const number = ++OrdinaryClients.#numbers
    const body = { name: `Ordinary ${number}`, materials: [{ name: 'Jasmine', concentration: number }] }
    const submit = (): Promise<string> => this.#send('/formulas', body, { 'idempotency-key': `ordinary-${number}` })
    const answer = await submit()
    const [stored] = JSON.parse(answer).formulas
    if (stored?.name !== body.name) throw new Error(`submitted: ${answer}`)
    this.#accepted.add(stored.id)
    if (!isChecked) return
    const replay = await submit()
    if (replay !== answer) throw new Error(`replayed: ${replay}`)
    const read = await this.#send(`/formulas/${stored.id}`)
    if (read !== JSON.stringify(stored)) throw new Error(`read: ${read}`)
  }

  async #consume(): Promise<void> {
    const { events } = JSON.parse(await this.#send('/events/receive', { max: 50 }))
    if (events.length === 0) return
    for (const { id } of events) this.#events.add(id)
    const receipts = events.map(({ receipt }: { receipt: string }) => receipt)
    const { acked } = JSON.parse(await this.#send('/events/ack', { receipts }))
    if (acked !== events.length) throw new Error(`acked: ${acked} of ${events.length}`)
  }

  /** Sends a GET, or a POST if there is a body. @returns the body of a 200 @throws {Error} for another status */
  #send(path: string, body?: object, more: Record<string, string> = {}): Promise<string> {
    const payload = body === undefined ? '' : JSON.stringify(body)
    const { key } = this.#options
    const headers = {
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...more,
    }
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const options = { agent: this.#agent, method: body === undefined ? 'GET' : 'POST', headers }
    const call = request(`${this.#url}${path}`, options, (answer) => {
      const { statusCode } = answer
      const received = text(answer).then((received) => {
        if (statusCode === 200) resolve(received)
        else reject(new Error(`${path}: ${statusCode} ${received.slice(0, 200)}`))
      })
      received.catch(reject)
    })
    call.on('error', reject).end(payload)
    return promise
  }
}
