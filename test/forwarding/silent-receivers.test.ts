import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { openNatsSink } from '../../src/outbox/nats-sink.ts'
import type { Sink } from '../../src/outbox/sink.ts'
import { messages } from '../support/receiver.ts'
import { until } from '../support/sqs.ts'

const NEVER = new AbortController().signal

/** A server that accepts connections and leaves them open. @param greet what it sends first, if anything */
async function startSilent(t: Test, greet = (_socket: Socket): unknown => undefined, port = 0) {
  const open = new Set<Socket>()
  const silent = { port, open, most: 0 }
  const server = createServer((socket) => {
    open.add(socket)
    silent.most = Math.max(silent.most, open.size)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    socket.resume()
    greet(socket)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  silent.port = (server.address() as AddressInfo).port
  return silent
}

const openNats = ({ port }: { port: number }): Sink => openNatsSink(new URL(`nats://127.0.0.1:${port}/formulas`))

/** What a server of NATS says first. */
const info = (fields: object) => (socket: Socket) =>
  socket.write(`INFO ${JSON.stringify({ version: '2.10.0', headers: true, max_payload: 1_048_576, ...fields })}\r\n`)

for (const [stage, greet] of [
  ['says nothing', undefined],
  ['answers no TLS handshake', info({ tls_required: true })],
  ['lets nobody in', info({})],
] as const) {
  test(`a NATS server that ${stage} is left with no connection by any attempt`, async (t) => {
    const silent = await startSilent(t, greet)
    const sink = openNats(silent)
    t.teardown(() => sink.close())
    for (const name of 'ab') {
      await t.rejects(sink.send(messages(name), NEVER), { name: 'TimeoutError' })
      await until(() => silent.open.size === 0)
    }
    t.equal(silent.most, 1)
  })
}

test('a sink of NATS that is closed while it connects does not wait, and leaves no connection', async (t) => {
  const silent = await startSilent(t)
  const sink = openNats(silent)
  const sent = t.rejects(sink.send(messages('a'), NEVER), { name: 'TimeoutError' })
  await until(() => silent.open.size === 1)
  await sink.close()
  t.equal(silent.open.size, 1)
  await sent
  await until(() => silent.open.size === 0)
})
