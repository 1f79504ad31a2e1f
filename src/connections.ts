import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What is being answered on a connection. */
export interface Exchange {
  /** The response to the last request, which may still be arriving; undefined before the first. */
  last: ServerResponse | undefined
  /** The response to the one before it, where that was not sent yet when the last request came. */
  before: ServerResponse | undefined
}

/** The open connections of a server. */
export class Connections {
  readonly #exchanges = new Map<Socket, Exchange>()

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#exchanges.set(socket, { last: undefined, before: undefined })
      socket.once('close', () => this.#exchanges.delete(socket))
    })
    server.on('request', ({ socket }, response) => {
      const exchange = this.#exchanges.get(socket)
      if (exchange === undefined) return
      exchange.before = exchange.last?.closed === false ? exchange.last : undefined
      exchange.last = response
    })
  }

  of(socket: Socket): Exchange | undefined {
    return this.#exchanges.get(socket)
  }

  entries(): Iterable<[Socket, Exchange]> {
    return this.#exchanges
  }
}
