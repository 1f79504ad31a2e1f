import { setTimeout as pause } from 'node:timers/promises'
import { post } from '../../support/service-process.ts'

const SUBMITTERS = 3
const CONSUMERS = 2
/** Clients that behave leave the machine to those that do not. */
const PAUSE_MS = 20
/** No request of a normal client may take longer, whatever the others do, in milliseconds. */
const SLOWEST_MS = 10_000

interface Event {
  id: string
  receipt: string
}

/** What normal clients saw while they were at it. */
export interface Report {
  submitted: number
  slowestMs: number
  /** Everything that was not as the contract has it. */
  wrong: string[]
  /** Ids that were answered 200 and whose event has not come. */
  missing: string[]
}

/** Normal clients that submit and consume until they are stopped. What they are answered is checked. */
export class Neighbours {
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

  /** Lets the submitters end, then the consumers take what is left. */
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
    const body = { name: `Neighbour ${number}`, materials: [{ name: 'Jasmine', concentration: number }] }
    const answer = await post(this.#url, `neighbour-${number}`, body)
    const text = await answer.text()
    const { formulas = [] } = JSON.parse(text) as { formulas?: { id: string; name: string }[] }
    const [stored] = formulas
    if (answer.status !== 200 || stored?.name !== body.name) throw new Error(`submitted: ${answer.status} ${text}`)
    this.#accepted.add(stored.id)
    const again = await post(this.#url, `neighbour-${number}`, body)
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
