import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Room } from '../kit/byte-budget.ts'
import type { Clock } from '../kit/clock.ts'

/** Most bytes of bodies that arrive or are worked on: their formulas take several times as much. */
const MOST_BODIES = 48 * 2 ** 20
/** Most bytes of answers that clients have not taken yet. */
const MOST_UNREAD = 64 * 2 ** 20
/** Smaller answers are not counted: connections bound how many there are. */
const COUNTED_BYTES = 4_096
/** How often connections are looked at, in milliseconds. */
const LOOK_MS = 1_000
/** How long an answer may take from its first byte to its last, in milliseconds, and what is added for its size. */
const ANSWER_MS = 60_000
const BYTES_PER_MS = 65.536
/** The same while there is no room for more of them. */
const PRESSED_MS = 10_000

const NONE: readonly ServerResponse[] = []

/** What is being answered on a connection. */
export interface Exchange {
  /** Responses that are not sent yet, in the order of their requests. The last is there until another follows it. */
  responses: ServerResponse[]
  /** Bytes of answers that are counted as unread. */
  unread: number
  /** The answer that was being sent when the connection was last looked at, and since when it was. */
  sending: { response: ServerResponse; since: number } | null
}

/** The open connections of a server, and what they hold of memory. */
export class Connections {
  readonly bodies = new Room(MOST_BODIES)
  readonly unread = new Room(MOST_UNREAD)
  readonly #exchanges = new Map<Socket, Exchange>()
  /** Of answers that are counted. */
  readonly #sizes = new WeakMap<ServerResponse, number>()

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#exchanges.set(socket, { responses: [], unread: 0, sending: null })
      socket.once('close', () => {
        this.unread.give(this.#exchanges.get(socket)?.unread ?? 0)
        this.#exchanges.delete(socket)
      })
    })
    server.on('request', ({ socket }, response) => {
      const responses = this.#exchanges.get(socket)?.responses
      while (responses?.[0]?.closed) responses.shift()
      responses?.push(response)
    })
  }

  /** How many there are. */
  get open(): number {
    return this.#exchanges.size
  }

  /** How many requests of a connection are not answered yet. */
  unanswered(socket: Socket): number {
    const responses = this.#exchanges.get(socket)?.responses ?? NONE
    return responses.length > 1 ? responses.filter(({ closed }) => !closed).length : responses.length
  }

  of(socket: Socket): Exchange | undefined {
    return this.#exchanges.get(socket)
  }

  entries(): Iterable<[Socket, Exchange]> {
    return this.#exchanges
  }

  /** Counts an answer as unread until its last byte has left the process. */
  count(response: ServerResponse, answer: string | Buffer): void {
    if (answer.length < COUNTED_BYTES) return
    const { socket } = response.req
    const exchange = this.#exchanges.get(socket)
    if (exchange === undefined) return
    const bytes = Buffer.byteLength(answer)
    const give = (taken: number): void => {
      exchange.unread += taken
      this.unread.take(taken)
    }
    give(bytes)
    this.#sizes.set(response, bytes)
    response.once('finish', () => {
      if (this.#exchanges.has(socket)) give(-bytes)
    })
  }

  /**
   * Ends connections whose client takes too long over an answer.
   * @param onCut told how many were ended just now
   * @returns stops it
   */
  watch(clock: Clock, onCut: (connections: number) => void): () => void {
    let stop = (): void => {}
    const look = (): void => {
      const slow = [...this.#exchanges].filter(([, exchange]) => this.#isOverdue(exchange, clock.now()))
      for (const [socket] of slow) socket.destroy()
      if (slow.length > 0) onCut(slow.length)
      stop = clock.after(LOOK_MS, look)
    }
    stop = clock.after(LOOK_MS, look)
    return () => stop()
  }

  #isOverdue(exchange: Exchange, now: number): boolean {
    const response = exchange.responses.find(({ closed }) => !closed)
    if (!response?.headersSent) {
      exchange.sending = null
      return false
    }
    if (exchange.sending?.response !== response) exchange.sending = { response, since: now }
    const size = this.#sizes.get(response) ?? 0
    const allowedMs = this.unread.fits(size) ? ANSWER_MS + size / BYTES_PER_MS : PRESSED_MS
    return now - exchange.sending.since > allowedMs
  }
}
