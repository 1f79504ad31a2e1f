import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { TestClock } from '../test-clock.ts'
import { type Service, startService } from './service.ts'

export const MIB = 2 ** 20

/** Opens a connection that sends the given bytes and collects the answers. */
export async function open(t: Test, { app }: Service, ...said: string[]) {
  if (!app.server.listening) await app.listen({ port: 0 })
  const socket = connect((app.server.address() as { port: number }).port)
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  let told = ''
  const statuses: string[] = []
  socket.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1')
    statuses.push(...[...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = '']) => status))
    if (told.length < MIB) told += text
  })
  for (const text of said) socket.write(text)
  return { socket, told: () => told, statuses }
}

/** Formulas of some 400 kB each. */
export const wide = (number: number) => ({
  name: `Wide ${number}`,
  materials: Array.from({ length: 500 }, (_, index) => ({
    name: `${'\u{1f339}'.repeat(190)} ${index}`,
    concentration: `${number}.${index + 1}`,
  })),
})

/** A service with pages of 4 MiB, on a clock that is moved by hand. */
export async function startWide(t: Test) {
  const clock = new TestClock()
  const service = await startService(t, {}, { clock })
  for (let number = 1; number <= 12; number++) await service.submit(wide(number))
  return { ...service, clock }
}

export const PAGE = 'GET /formulas?limit=200 HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** A client that asks for pages and reads nothing. */
export async function deaf(t: Test, service: Service, pages: number): Promise<Socket> {
  const { socket } = await open(t, service)
  socket.pause()
  socket.write(PAGE.repeat(pages))
  return socket
}
