import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** How long a client may go on sending after its answer, in milliseconds. */
const LINGER_MS = 2_000

/**
 * A response that ends its connection when it goes out before the body of its request has been read: the rest of the
 * body is not waited for, and is not taken for another request.
 */
export class EndingResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
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
 * Makes a connection end in two steps: the answer is sent and this half closed, and what still comes is dropped for a
 * while. To close both halves at once would reset the connection, and a client that still sends might lose its answer.
 */
function linger(socket: Socket): void {
  // Node calls this behind the last answer of a connection.
  socket.destroySoon = () => {
    // With a listener of its own for data, a socket is no longer read by the HTTP parser.
    socket
      .removeAllListeners('data')
      .on('data', () => {})
      .resume()
    socket.end()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }
}

/** Tells a client that waits for leave to send its body to go on, once the body is wanted: not when it is refused. */
export function continueWhenWanted(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    request.once('resume', () => {
      if (!response.headersSent) response.writeContinue()
    })
    server.emit('request', request, response)
  })
}
