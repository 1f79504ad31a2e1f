import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiscardPolicy, jetstreamManager, type StreamConfig } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { Test } from 'tap'
import type { CloudEvent } from '../../src/outbox/message.ts'
import { until } from './until.ts'

export const SUBJECT = 'formulas.created'
const STREAM = 'formulas'
const PROGRAM = process.env.NATS_SERVER ?? '/usr/sbin/nats-server'

/** Paths of PEM files. */
export interface NatsTls {
  caFile: string
  certFile: string
  keyFile: string
}

/** A server of NATS with JetStream. */
export interface NatsServer {
  port: number
  /** Its certificate, and that of the authority, where it insists on TLS. */
  tls: NatsTls | undefined
  start(): Promise<void>
  /** As `kill -9`. */
  kill(): Promise<void>
  /** Ends once every thread stands still. */
  freeze(): Promise<void>
  thaw(): void
}

/** Starts servers of NATS that are one cluster if there are several. */
export async function startNats(t: Test, count = 1, tls?: NatsTls): Promise<NatsServer[]> {
  const directory = mkdtempSync(join(tmpdir(), 'nats-'))
  const ports = await freePorts(2 * count)
  const routes = ports.slice(count).map((port) => `nats-route://127.0.0.1:${port}`)
  const servers = Array.from({ length: count }, (_, index) => {
    const port = ports[index] as number
    const config = join(directory, `${index}.conf`)
    const cluster = `cluster { name: c, listen: "127.0.0.1:${ports[count + index]}", routes: ${JSON.stringify(routes)} }`
    writeFileSync(
      config,
      `server_name: n${index}, listen: "127.0.0.1:${port}"
jetstream { store_dir: "${join(directory, `${index}`)}", max_mem: 16MB, max_file: 256MB }
${count > 1 ? cluster : ''}
${tls === undefined ? '' : `tls { cert_file: "${tls.certFile}", key_file: "${tls.keyFile}" }`}`,
    )
    return serverOf(config, port, tls)
  })
  t.teardown(async () => {
    await Promise.all(servers.map((server) => server.kill()))
    rmSync(directory, { recursive: true })
  })
  await Promise.all(servers.map((server) => server.start()))
  return servers
}

function serverOf(config: string, port: number, tls: NatsTls | undefined): NatsServer {
  let process: ChildProcess | undefined
  return {
    port,
    tls,
    async start() {
      process = spawn(PROGRAM, ['-c', config], { stdio: 'ignore' })
      await once(process, 'spawn')
      await (await connected([{ port, tls }])).close()
    },
    async kill() {
      const running = process
      process = undefined
      if (running === undefined || running.exitCode !== null) return
      const ended = once(running, 'exit')
      running.kill('SIGKILL')
      await ended
    },
    async freeze() {
      process?.kill('SIGSTOP')
      await until(() => globSync(`/proc/${process?.pid}/task/*/status`).every(isStopped))
    },
    thaw: () => void process?.kill('SIGCONT'),
  }
}

const isStopped = (path: string): boolean => /^State:\s+T/m.test(readFileSync(path, 'utf8'))

/** A connection to one of the servers, once one answers. */
export async function connected(servers: Pick<NatsServer, 'port' | 'tls'>[]): Promise<NatsConnection> {
  const caFile = servers[0]?.tls?.caFile
  for (let attempt = 1; ; attempt++) {
    try {
      return await connect({
        servers: servers.map(({ port }) => `127.0.0.1:${port}`),
        timeout: 1_000,
        ...(caFile !== undefined && { tls: { caFile, host: '127.0.0.1' } as object }),
      })
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

/** What a test asks of the stream behind the subject; each call has a connection of its own. */
export function streamOf(servers: NatsServer[]) {
  const ask = async <T>(work: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<T>): Promise<T> => {
    const connection = await connected(servers)
    try {
      return await work(await jetstreamManager(connection, { checkAPI: false }))
    } finally {
      await connection.close()
    }
  }
  return {
    /** Until the cluster has chosen a leader there is nobody to make it. */
    async make(replicas = 1): Promise<void> {
      const config = { name: STREAM, subjects: [SUBJECT], num_replicas: replicas, discard: DiscardPolicy.New }
      for (let attempt = 1; ; attempt++) {
        try {
          return void (await ask(({ streams }) => streams.add(config)))
        } catch (error) {
          if (attempt === 60) throw error
          await new Promise((resolve) => setTimeout(resolve, 500))
        }
      }
    },
    limit: (limits: Partial<StreamConfig>) =>
      ask(({ streams }) => streams.update(STREAM, { max_msgs: -1, max_bytes: -1, max_msg_size: -1, ...limits })),
    /** The server that leads the stream. */
    async leader(): Promise<NatsServer> {
      const name = await ask(async ({ streams }) => (await streams.info(STREAM)).cluster?.leader)
      const server = servers[Number(name?.slice(1))]
      if (server === undefined) throw new Error(`No server leads the stream: ${name}`)
      return server
    },
    messages: () =>
      ask(async ({ streams }) => {
        const { state } = await streams.info(STREAM)
        const all = []
        for (let seq = state.first_seq; seq <= state.last_seq && seq > 0; seq++) {
          const message = await streams.getMessage(STREAM, { seq })
          if (message !== null) all.push(message)
        }
        return all
      }),
    async events(): Promise<CloudEvent[]> {
      return (await this.messages()).map((message) => message.json<CloudEvent>())
    },
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
