import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'
import { isEndOfAnswer, isWithinTransaction, Messages, Statements } from './wire.ts'

/**
 * How a statement fails on its way. The connection is cut: before the server gets it; after the server has executed it,
 * but before the answer; or before the server gets it, which it does later.
 */
export const MISHAPS = ['before', 'after', 'late'] as const
export type Mishap = (typeof MISHAPS)[number]

/** Decides what becomes of a statement by its text, and by whether a transaction is open; null lets it through. */
export type Choose = (text: string, isWithin: boolean) => Mishap | null

/** A proxy between clients and a PostgreSQL database that makes statements fail. */
export class Network {
  readonly #target: URL
  readonly #server: Server
  readonly #links = new Set<Link>()
  readonly #late = new Set<Link>()
  #choose: Choose = () => null
  #isDown = false
  /** Statements seen so far. */
  statements = 0

  private constructor(url: string) {
    this.#target = new URL(url)
    this.#server = createServer((client) => this.#accept(client))
  }

  /** @param url of the database behind it */
  static async start(t: Test, url: string): Promise<Network> {
    const network = new Network(url)
    network.#server.listen(0, '127.0.0.1')
    await once(network.#server, 'listening')
    t.teardown(() => network.#end())
    return network
  }

  /** The URL of the database, through the network. */
  get url(): string {
    const url = new URL(this.#target)
    url.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return url.href
  }

  /** Chooses the fault of each statement from now on; default: none. */
  choose(choose: Choose = () => null): void {
    this.#choose = choose
  }

  /** Makes only the first statement of this kind fail. */
  first(kind: RegExp, mishap: Mishap): void {
    let met = false
    this.choose((text) => {
      if (met || !kind.test(text)) return null
      met = true
      return mishap
    })
  }

  /** Cuts every connection and refuses new ones. */
  setDown(isDown: boolean): void {
    this.#isDown = isDown
    if (isDown) for (const link of this.#links) link.cut()
  }

  /** Gives the server what is late, and waits until it has carried it out. @returns how many statements that were */
  async release(): Promise<number> {
    const links = [...this.#late]
    this.#late.clear()
    await Promise.all(links.map((link) => link.release()))
    return links.length
  }

  #accept(client: Socket): void {
    if (this.#isDown) return void client.destroy()
    const server = connect(Number(this.#target.port), this.#target.hostname)
    const link = new Link(client, server, (text, isWithin) => {
      this.statements++
      const mishap = this.#choose(text, isWithin)
      if (mishap === 'late') this.#late.add(link)
      return mishap
    })
    this.#links.add(link)
    client.once('close', () => this.#links.delete(link))
  }

  async #end(): Promise<void> {
    for (const link of [...this.#links, ...this.#late]) link.end()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** One connection through the network. */
class Link {
  readonly #client: Socket
  readonly #server: Socket
  readonly #statements = new Statements()
  readonly #answers = new Messages()
  readonly #choose: Choose
  #late: Buffer | null = null
  #isWithin = false
  /** Called when the server has executed its last statement; while it is set, answers are discarded. */
  #carriedOut: (() => void) | null = null

  constructor(client: Socket, server: Socket, choose: Choose) {
    this.#client = client
    this.#server = server
    this.#choose = choose
    for (const socket of [client, server]) socket.setNoDelay(true).on('error', () => {})
    client.on('data', (chunk) => this.#forward(chunk))
    server.on('data', (chunk) => this.#answer(chunk))
    client.on('close', () => this.#late === null && this.#carriedOut === null && server.destroy())
    server.on('close', () => {
      client.destroy()
      this.#carriedOut?.()
    })
  }

  cut(): void {
    this.#client.destroy()
  }

  end(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  async release(): Promise<void> {
    if (this.#late === null || this.#server.destroyed) return
    const done = this.#whenCarriedOut()
    this.#server.write(this.#late)
    await done
    this.end()
  }

  #whenCarriedOut(): Promise<void> {
    return new Promise((resolve) => {
      this.#carriedOut = resolve
    })
  }

  #forward(chunk: Buffer): void {
    for (const part of this.#statements.push(chunk)) {
      if (this.#client.destroyed) return
      const mishap = part.text === null ? null : this.#choose(part.text, this.#isWithin)
      if (mishap === null) this.#server.write(part.bytes)
      else this.#goWrong(mishap, part.bytes)
    }
  }

  #goWrong(mishap: Mishap, bytes: Buffer): void {
    if (mishap === 'before') this.end()
    else if (mishap === 'late') {
      this.#late = bytes
      this.cut()
    } else {
      void this.#whenCarriedOut().then(() => this.end())
      this.#server.write(bytes)
    }
  }

  #answer(chunk: Buffer): void {
    if (this.#carriedOut === null) this.#client.write(chunk)
    const end = this.#answers.push(chunk).findLast(isEndOfAnswer)
    if (end === undefined) return
    this.#isWithin = isWithinTransaction(end)
    this.#carriedOut?.()
  }
}
