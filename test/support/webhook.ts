import { chmodSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { CloudEvent } from '../../src/outbox/message.ts'

/** A call as a webhook gets it. */
export interface Call {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

/** A webhook that answers as a test says. */
export interface LocalWebhook {
  url: URL
  /** The secret of the subscription `erp`, and the file with it. */
  secret: string
  secretsFile: string
  calls: Call[]
  /** How many connections were made. */
  connections: number
  /** Answers a call; by default with 204. */
  answer: (response: ServerResponse, event: CloudEvent) => unknown
  /** The events of the calls that were answered with 2xx. */
  taken: CloudEvent[]
  /** Ends all connections and refuses new ones. */
  stop(): Promise<void>
  /** Listens again at the same port. */
  start(): Promise<void>
}

export const answering =
  (status: number, headers = {}) =>
  (response: ServerResponse): unknown =>
    response.writeHead(status, headers).end()

/** @param tls makes it a server of HTTPS, which offers HTTP/2 as most receivers do, and fails when that is taken */
export async function startWebhook(t: Test, tls?: { key: Buffer; cert: Buffer }): Promise<LocalWebhook> {
  const listener: RequestListener = async (incoming, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const { method = '', url = '', headers } = incoming
    const body = Buffer.concat(chunks).toString()
    webhook.calls.push({ method, url, headers, body })
    const event: CloudEvent = JSON.parse(body)
    response.on('finish', () => response.statusCode < 300 && webhook.taken.push(event))
    webhook.answer(response, event)
  }
  const server =
    tls === undefined
      ? createServer(listener)
      : createTlsServer({ ...tls, ALPNProtocols: ['h2', 'http/1.1'] }, listener)
  server.on('connection', () => webhook.connections++)
  const start = (port = 0): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  await start()
  const { port } = server.address() as AddressInfo
  const secret = `whsec_${Buffer.from('0123456789abcdef0123456789').toString('base64')}`
  const directory = t.testdir({ 'secrets.json': JSON.stringify({ erp: secret }) })
  const webhook: LocalWebhook = {
    url: new URL(`${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/hooks?from=intake`),
    secret,
    secretsFile: join(directory, 'secrets.json'),
    calls: [],
    connections: 0,
    answer: answering(204),
    taken: [],
    stop,
    start: () => start(port),
  }
  chmodSync(webhook.secretsFile, 0o600)
  t.teardown(stop)
  return webhook
}
