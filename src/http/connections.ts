import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ByteBudget } from '../kit/byte-budget.ts'
import type { Clock } from '../kit/clock.ts'

/** Limit of request bodies that are arriving or being processed, in bytes: parsed, they take several times as much. */
const MAX_BODY_BYTES = 48 * 2 ** 20
/** Limit of answers that clients have not read yet, in bytes. */
const MAX_UNREAD_BYTES = 64 * 2 ** 20
/** Smaller answers are not counted: the limit of connections bounds them. */
const COUNTED_BYTES = 4_096
const CHECK_MS = 1_000
/** How long sending an answer may take, in milliseconds, besides the time for its size. */
const ANSWER_MS = 60_000
/** The time for its size: one millisecond for this many bytes. */
const BYTES_PER_MS = 65.536
/** How long it may take, whatever its size, while the budget for unread answers is used up. */
const OVERLOADED_ANSWER_MS = 10_000

const NONE: readonly ServerResponse[] = []

/** The requests of a connection that are being answered. */
export interface Exchange {
  /** Unsent responses in the order of their requests. A sent one may stay until the next request. */
  responses: ServerResponse[]
  /** Bytes of answers that are counted as unread. */
  unread: number
  /** The answer that was being sent at the last check, and for how many milliseconds. */
  sending: { response: ServerResponse; ms: number } | null
}

/** The open connections of a server, and the memory they use. */
export class Connections {
  readonly bodies = new ByteBudget(MAX_BODY_BYTES)
  readonly unread = new ByteBudget(MAX_UNREAD_BYTES)
  readonly #exchanges = new Map<Socket, Exchange>()
  /** Bytes of the counted answers. */
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

  get open(): number {
    return this.#exchanges.size
  }

  /** How many requests of a connection have not been answered yet. */
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
    const addUnread = (more: number): void => {
      exchange.unread += more
      this.unread.take(more)
    }
    addUnread(bytes)
    this.#sizes.set(response, bytes)
    response.once('finish', () => {
      if (this.#exchanges.has(socket)) addUnread(-bytes)
    })
  }

  /**
   * Closes connections whose client reads an answer too slowly.
   * @param onClosed called with how many were just closed
   * @returns a function that stops it
   */
  watch(clock: Clock, onClosed: (connections: number) => void): () => void {
    let stop = (): void => {}
    const check = (): void => {
      const slow = [...this.#exchanges].filter(([, exchange]) => this.#isOverdue(exchange))
      for (const [socket] of slow) socket.destroy()
      if (slow.length > 0) onClosed(slow.length)
      stop = clock.after(CHECK_MS, check)
    }
    stop = clock.after(CHECK_MS, check)
    return () => stop()
  }

  /** Called once a check. It counts checks, because the clock may be set. */
  #isOverdue(exchange: Exchange): boolean {
    const response = exchange.responses.find(({ closed }) => !closed)
    if (!response?.headersSent) {
      exchange.sending = null
      return false
    }
    if (exchange.sending?.response === response) exchange.sending.ms += CHECK_MS
    else exchange.sending = { response, ms: 0 }
    const size = this.#sizes.get(response) ?? 0
    const allowedMs = this.unread.fits(size) ? ANSWER_MS + size / BYTES_PER_MS : OVERLOADED_ANSWER_MS
    return exchange.sending.ms > allowedMs
  }
}
