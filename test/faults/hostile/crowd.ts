import { Agent, request } from 'node:http'

/** No request of an ordinary client may take longer while others are hostile, in milliseconds. */
const SLOWEST_MS = 10_000
/** Clients that behave leave the machine to those that do not. */
const PAUSE_MS = 50

/** What ordinary clients met. */
export interface Served {
  submitted: number
  slowestMs: number
  /** Every answer but 200. */
  wrong: string[]
}

/** Ordinary clients, each with a connection of its own, that submit small formulas until they are stopped. */
export class Crowd {
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
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }

  /** @returns the status, and the body where it is not 200 */
  #submit(): Promise<string> {
    const number = ++Crowd.#numbers
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
