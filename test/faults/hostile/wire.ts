import { get } from 'node:http'
import { connect, type Socket } from 'node:net'

/** One answer, as it came over the wire. */
export interface Answer {
  status: number
  headers: Map<string, string>
  body: string
}

/** What became of a connection on which bytes were sent. */
export interface Exchange {
  answers: Answer[]
  /** What could not be read as an answer. */
  rest: string
  ended: 'closed' | 'reset' | 'left open'
}

/** Reads all answers in what a server has sent. */
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

/** A connection that is open; what it receives is gathered. */
export interface Line {
  socket: Socket
  /** What has come so far. */
  received(): Buffer
  /** How it ended. */
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

/** After so long without a word from either side the server may be waiting for more of a request, in milliseconds. */
const QUIET_MS = 1_500
/** Then it must have been ended, in milliseconds. */
const PATIENCE_MS = 20_000

/**
 * Waits until the server, which may only be slow, has answered somebody who comes later: on a connection of his own, as
 * those that are open need not be accepted first, and for what the writer of the file has to answer in turn.
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
 * Sends bytes on a connection of its own and reads what comes until the server ends it. It is ended on this side only
 * when the server seems to wait for more: Node answers nobody who has ended his side before.
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
