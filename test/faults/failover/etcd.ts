import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../support/postgres/cluster.ts'
import { until } from '../../support/until.ts'
import { Program } from './program.ts'

const execute = promisify(execFile)
const NODES = 3

/** Three servers of etcd, which agree on who leads PostgreSQL. */
export class Etcd {
  readonly ports: number[]
  readonly #servers: Program[]

  private constructor(ports: number[], servers: Program[]) {
    this.ports = ports
    this.#servers = servers
  }

  static async start(folder: string): Promise<Etcd> {
    const clients = await freePorts()
    const peers = await freePorts()
    const url = (port?: number): string => `http://127.0.0.1:${port}`
    const cluster = peers.map((port, index) => `e${index}=${url(port)}`).join(',')
    const servers = clients.map((client, index) => {
      const options = {
        name: `e${index}`,
        'data-dir': join(folder, `e${index}`, 'data'),
        'listen-client-urls': url(client),
        'advertise-client-urls': url(client),
        'listen-peer-urls': url(peers[index]),
        'initial-advertise-peer-urls': url(peers[index]),
        'initial-cluster': cluster,
        'enable-v2': 'true',
      }
      const words = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
      return new Program('etcd', words, join(folder, `e${index}`))
    })
    for (const server of servers) server.start()
    for (const client of clients) await until(() => hasAgreed(url(client)), 50)
    return new Etcd(clients, servers)
  }

  /** Kills the server that leads the others. @returns a function that starts it again */
  async killLeader(): Promise<() => void> {
    const endpoints = `--endpoints=${this.ports.map((port) => `127.0.0.1:${port}`)}`
    const words = [endpoints, 'endpoint', 'status', '--write-out=json']
    const { stdout } = await execute('etcdctl', words, { env: { ...process.env, ETCDCTL_API: '3' } })
    const all: { Status: { header: { member_id: number }; leader: number } }[] = JSON.parse(stdout)
    const leader = this.#servers[all.findIndex(({ Status }) => Status.header.member_id === Status.leader)] as Program
    await leader.kill()
    return () => leader.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.kill()))
  }
}

/** Whether the servers have found each other. */
export async function hasAgreed(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/version`).catch(() => null)
  if (answer === null) return false
  const { etcdcluster } = (await answer.json()) as { etcdcluster: string }
  return etcdcluster !== 'not_decided'
}

/** A port for each server. */
export async function freePorts(): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < NODES) ports.add(await freePort())
  return [...ports]
}
