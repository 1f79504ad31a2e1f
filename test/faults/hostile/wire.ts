import { get } from 'node:http'
import { connect, type Socket } from 'node:net'

/** An answer, read from the bytes of a connection. */
export interface Answer {
  status: number
  headers: Map<string, string>
  body: string
}

/** What a server sent on a connection, and how it ended. */
export interface Exchange {
  answers: Answer[]
  /** Bytes that are not an answer. */
  rest: string
  ended: 'closed' | 'reset' | 'left open'
}

/** Reads all answers in the bytes that a server sent. */
export function readAnswers(bytes: Buffer): { answers: Answer[]; rest: string } {
  const answers: Answer[] = []
  let at = 0
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', at)
    const [first = '', ...lines] = bytes.toString('latin1', at, Math.max(end, at)).split('\r\n')
    const status = /^HTTP\/1\.[01] (\d{3}) /.exec(first)?.[1]
    if (end < 0 || status === undefined) return { answers, rest: bytes.toString('latin1', at) }
    const headers = new Map(
      lines.map((line) => line.split(/:\s*/, 2).map((part) => part.toLowerCase()) as [string, string]),
    )
    const length = Number(headers.get('content-length') ?? 0)
    at = end + 4 + length
    if (at > bytes.length) return { answers, rest: bytes.toString('latin1', end + 4 - length) }
    answers.push({ status: Number(status), headers, body: bytes.toString('utf8', end + 4, at) })
  }
}

/** A connection that collects what it receives. */
export interface Line {
  socket: Socket
  received(): Buffer
  ended: Promise<'closed' | 'reset'>
}

export async function open(port: number): Promise<Line> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  const ended = new Promise<'closed' | 'reset'>((resolve) => {
    socket.once('error', () => resolve('reset'))
    socket.once('close', () => resolve('closed'))
  })
  const connected = new Promise((resolve) => socket.once('connect', resolve))
  await Promise.race([connected, ended])
  return { socket, received: () => Buffer.concat(chunks), ended }
}

/** After this long without data from either side, the server may be waiting for the rest, in milliseconds. */
const QUIET_MS = 1_500
/** By then the server must have ended the connection, in milliseconds. */
const PATIENCE_MS = 20_000

/**
 * Waits until the server, which may just be slow, has answered a later request. That uses a new connection, accepted after
 * the earlier ones, and a path that waits its turn for the writer of the file.
 */
function idle(port: number): Promise<void> {
  return new Promise((resolve) => {
    const later = get({ host: '127.0.0.1', port, path: '/events/stats', agent: false }, (answer) => {
      answer.resume().once('close', resolve)
    })
    later.once('error', () => resolve())
  })
}

/**
 * Sends bytes on a new connection and reads the answers until the server ends it. This side ends it only when the server
 * seems to wait for more: Node does not answer a client that has ended its side.
 */
export async function exchange(port: number, pieces: Iterable<Buffer | string>): Promise<Exchange> {
  const { socket, received, ended } = await open(port)
  for (const piece of pieces) {
    if (socket.destroyed || received().length > 0) break
    if (!socket.write(piece)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), ended])
  }
  socket.setTimeout(QUIET_MS, () => void idle(port).then(() => socket.end()))
  const { promise: late, resolve } = Promise.withResolvers<'left open'>()
  const timer = setTimeout(() => resolve('left open'), PATIENCE_MS)
  const end = await Promise.race([ended, late])
  clearTimeout(timer)
  socket.destroy()
  return { ...readAnswers(received()), ended: end }
}

const PAUSE_MS = 300

/** Connections on which an endless request arrives byte by byte. */
export class SlowRequests {
  readonly #lines: Line[]
  readonly #timer: NodeJS.Timeout

  private constructor(lines: Line[], byte: string) {
    this.#lines = lines
    this.#timer = setInterval(() => {
      for (const { socket } of lines) if (socket.writable) socket.write(byte)
    }, PAUSE_MS)
  }

  /** @param start the first part of each request, sent at once; then `byte` is repeated */
  static async start(
    port: number,
    howMany: number,
    start: (index: number) => string,
    byte: string,
  ): Promise<SlowRequests> {
    const lines = await Promise.all(Array.from({ length: howMany }, () => open(port)))
    for (const [index, { socket }] of lines.entries()) socket.write(start(index))
    return new SlowRequests(lines, byte)
  }

  /** Waits until the server has ended all of them. */
  async cutOff(): Promise<void> {
    await Promise.all(this.#lines.map(({ ended }) => ended))
  }

  /** Ends them. @returns what they were answered */
  stop(): ReturnType<typeof readAnswers>[] {
    clearInterval(this.#timer)
    for (const { socket } of this.#lines) socket.destroy()
    return this.#lines.map(({ received }) => readAnswers(received()))
  }
}
