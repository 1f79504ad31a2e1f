import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { Service } from './service.ts'

/** Opens a connection to a service. */
export async function openSocket(t: Test, { app }: Service): Promise<Socket> {
  if (!app.server.listening) await app.listen({ port: 0 })
  const { port } = app.server.address() as { port: number }
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  return socket
}

/** Sends bytes as they are, and gives back all that the service answers until it ends the connection. */
export async function raw(t: Test, service: Service, bytes: string): Promise<{ head: string; body: string }> {
  const socket = await openSocket(t, service)
  socket.write(bytes)
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  socket.end()
  return { head, body }
}
