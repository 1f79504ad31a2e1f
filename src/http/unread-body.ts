import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** How long a client may keep sending after its answer, in milliseconds. */
const LINGER_MS = 2_000

/**
 * A response that closes its connection when it is sent before the request's body has been read: the server does not wait
 * for the rest of the body, and does not parse it as another request.
 */
export class ClosingResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  override writeHead(...head: unknown[]): this {
    if (!this.req.complete && announcesBody(this.req)) {
      this.setHeader('Connection', 'close')
      linger(this.req.socket)
    }
    return super.writeHead(...(head as Parameters<ServerResponse['writeHead']>))
  }
}

const announcesBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/**
 * Makes a connection close in two steps: it closes our half after the answer, and discards further input for a while.
 * Closing both halves at once would reset the connection, and a client that is still sending might lose its answer.
 */
function linger(socket: Socket): void {
  // Node calls this after the last answer of a connection.
  socket.destroySoon = () => {
    // Adding a data listener detaches the HTTP parser from the socket.
    socket
      .removeAllListeners('data')
      .on('data', () => {})
      .resume()
    socket.end()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }
}

/** Sends 100 Continue only when a handler starts to read the body: a request refused earlier need not send it. */
export function continueOnRead(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    request.once('resume', () => {
      if (!response.headersSent) response.writeContinue()
    })
    server.emit('request', request, response)
  })
}
