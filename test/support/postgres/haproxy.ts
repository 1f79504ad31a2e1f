import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { freePort } from './cluster.ts'
import { startProxy } from './proxy-process.ts'

export const HAPROXY = '/usr/sbin/haproxy'

/** One address, which leads to the primary. */
export interface Haproxy {
  port: number
  /** The port of the server that says that it is the primary. */
  primary: number | undefined
}

/**
 * Starts HAProxy as the documentation of Patroni sets it up: it asks every server over HTTP whether it is the primary,
 * and ends the connections to one that is no more.
 * @param ports of the servers, the primary first
 */
export async function startHaproxy(t: Test, ports: number[]): Promise<Haproxy> {
  const haproxy: Haproxy = { port: await freePort(), primary: ports[0] }
  const asked: number[] = []
  const servers: string[] = []
  for (const port of ports) {
    const check = await startCheck(t, () => {
      asked.push(port)
      return haproxy.primary === port
    })
    servers.push(`server s${port} 127.0.0.1:${port} check port ${(check.address() as AddressInfo).port}`)
  }
  // Until a server has been asked, it counts as the primary. Its second check comes after the answer to the first.
  const areChecked = () => ports.every((port) => asked.filter((one) => one === port).length > 1)
  const files = { 'haproxy.cfg': configuration(haproxy.port, servers) }
  await startProxy(t, [HAPROXY, '-db', '-f', 'haproxy.cfg'], files, areChecked)
  return haproxy
}

/** What Patroni answers to `GET /primary`. */
async function startCheck(t: Test, isPrimary: () => boolean): Promise<Server> {
  const check = createServer((_, response) => response.writeHead(isPrimary() ? 200 : 503).end())
  await once(check.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => check.close())
  return check
}

const configuration = (port: number, servers: string[]): string => `
defaults
  mode tcp
  timeout connect 1s
  timeout check 1s
  timeout client 1h
  timeout server 1h
listen primary
  bind 127.0.0.1:${port}
  option httpchk GET /primary
  http-check expect status 200
  default-server inter 100ms fall 1 rise 1 on-marked-down shutdown-sessions
  ${servers.join('\n  ')}
`
