import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Account, accountOf, findInstalled } from '../../support/postgres/binaries.ts'
import { freePort, SUPERUSER } from '../../support/postgres/cluster.ts'
import { childrenOf, signal } from '../../support/postgres/process-tree.ts'
import { query } from '../../support/postgres/server.ts'
import { Etcd } from './etcd.ts'
import { Gate } from './gate.ts'
import { Program } from './program.ts'

const NODES = 3
/** How long a start, or a failover, may take, in milliseconds. */
const PATIENCE_MS = 90_000

/** How Patroni is set up: it replaces a primary that it hears nothing of for 6 seconds. */
const TIMES = { ttl: 6, loop_wait: 1, retry_timeout: 2, primary_start_timeout: 0 }

export type Replication = 'synchronous' | 'asynchronous'

/** What Debian has to have installed. @returns what is missing */
export const missing = (): string[] =>
  ['/usr/bin/patroni', '/usr/bin/etcd', '/usr/bin/etcdctl', '/usr/lib/postgresql'].filter((path) => !existsSync(path))

/** A server of PostgreSQL with the Patroni that watches over it. */
export class Node {
  readonly name: string
  readonly port: number
  readonly gate: Gate
  readonly #rest: number
  readonly #folder: string
  readonly #patroni: Program

  constructor(name: string, ports: { postgres: number; rest: number }, gate: Gate, folder: string, account: Account) {
    this.name = name
    this.port = ports.postgres
    this.#rest = ports.rest
    this.gate = gate
    this.#folder = folder
    this.#patroni = new Program('patroni', [join(folder, 'patroni.json')], folder, account)
  }

  start(): void {
    this.#patroni.start()
  }

  /** Whether Patroni says that it leads; false when it does not answer. */
  async leads(): Promise<boolean> {
    return (await this.#status('primary')) === 200
  }

  /** Whether it follows the primary and could take its place without loss. */
  async isSynchronous(): Promise<boolean> {
    return (await this.#status('synchronous')) === 200
  }

  /** Whether it follows the primary. */
  async follows(): Promise<boolean> {
    return (await this.#status('replica')) === 200
  }

  async #status(path: string): Promise<number> {
    const signal = AbortSignal.timeout(1_000)
    const answer = fetch(`http://127.0.0.1:${this.#rest}/${path}`, { method: 'HEAD', signal })
    return answer.then(({ status }) => status).catch(() => 0)
  }

  /** Hands the lead over to another, as an operator does. */
  async switchOver(): Promise<void> {
    const body = JSON.stringify({ leader: this.name })
    const answer = await fetch(`http://127.0.0.1:${this.#rest}/switchover`, { method: 'POST', body })
    if (!answer.ok) throw new Error(`No switchover: ${answer.status} ${await answer.text()}`)
  }

  /** Kills the server; Patroni sees it. */
  killServer(): void {
    const pid = this.#postmaster
    if (pid !== undefined) signal(pid, 'SIGKILL')
  }

  /** Kills both at once, as the death of a machine does. */
  async kill(): Promise<void> {
    this.thaw()
    const children = this.#children
    await this.#patroni.kill()
    this.killServer()
    for (const child of children) signal(child, 'SIGKILL')
  }

  /** Stops Patroni alone: its server goes on as the primary that it was. */
  freezePatroni(): void {
    this.#patroni.signal('SIGSTOP')
  }

  /** Stops Patroni and the server: connections stay open, and nothing answers. */
  freeze(): void {
    this.freezePatroni()
    const pid = this.#postmaster
    if (pid !== undefined) for (const each of [pid, ...this.#children]) signal(each, 'SIGSTOP')
  }

  /** Lets go on what stands still, the server first: as the primary that it was. */
  thaw(): void {
    const pid = this.#postmaster
    if (pid !== undefined) for (const each of [pid, ...this.#children]) signal(each, 'SIGCONT')
    this.#patroni.signal('SIGCONT')
  }

  get #children(): number[] {
    const pid = this.#postmaster
    return pid === undefined ? [] : childrenOf(pid)
  }

  get #postmaster(): number | undefined {
    try {
      return Number(readFileSync(join(this.#folder, 'data', 'postmaster.pid'), 'latin1').split('\n')[0]) || undefined
    } catch {
      return undefined
    }
  }

  /** The end of its log, for a test that fails. */
  log(): string {
    return readFileSync(join(this.#folder, 'log'), 'latin1').slice(-2_000)
  }
}

/** Three servers of PostgreSQL, of which Patroni makes one the primary, with the servers of etcd that it asks. */
export class Replicas {
  readonly nodes: Node[]
  readonly etcd: Etcd
  readonly #keeper: ChildProcess

  private constructor(nodes: Node[], etcd: Etcd, keeper: ChildProcess) {
    this.nodes = nodes
    this.etcd = etcd
    this.#keeper = keeper
  }

  static async start(replication: Replication): Promise<Replicas> {
    const folder = mkdtempSync(join(tmpdir(), 'formula-replicas-'))
    chmodSync(folder, 0o755)
    const keeper = keep(folder)
    const etcd = await Etcd.start(folder)
    const nodes = []
    for (let index = 0; index < NODES; index++) nodes.push(await makeNode(folder, index, etcd, replication))
    const replicas = new Replicas(nodes, etcd, keeper)
    for (const node of nodes) node.start()
    try {
      await replicas.untilWhole()
      return replicas
    } catch (error) {
      await replicas.stop()
      throw error
    }
  }

  /** The URL of a database, with all servers. */
  url(database: string): string {
    const hosts = this.nodes.map(({ port }) => `127.0.0.1:${port}`)
    return `postgres://${SUPERUSER.user}:${SUPERUSER.password}@${hosts}/${database}`
  }

  /** The URL of a database at the primary. */
  async urlAtPrimary(database: string): Promise<string> {
    const { port } = await this.primary()
    return `postgres://${SUPERUSER.user}:${SUPERUSER.password}@127.0.0.1:${port}/${database}`
  }

  async createDatabase(name: string): Promise<void> {
    await query(await this.urlAtPrimary('postgres'), `CREATE DATABASE ${name}`)
  }

  /** Waits for a primary, another than `old` if given. */
  async primary(old?: Node): Promise<Node> {
    return this.#until('a primary', async () => {
      const leads = await Promise.all(this.nodes.map((node) => node.leads()))
      return this.nodes.find((node, index) => leads[index] && node !== old)
    })
  }

  async standby(which: 'synchronous' | 'any' = 'any'): Promise<Node> {
    return this.#until(`a standby: ${which}`, async () => {
      const follow = await Promise.all(
        this.nodes.map((node) => (which === 'any' ? node.follows() : node.isSynchronous())),
      )
      return this.nodes.find((_, index) => follow[index])
    })
  }

  /** Waits until one leads and the others follow. */
  async untilWhole(): Promise<void> {
    await this.#until('a primary and two standbys', async () => {
      const roles = await Promise.all(this.nodes.map(async (node) => (await node.leads()) || (await node.follows())))
      return roles.every(Boolean) || undefined
    })
  }

  async #until<T>(what: string, find: () => Promise<T | undefined>): Promise<T> {
    for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await pause(50)) {
      const found = await find()
      if (found !== undefined) return found
    }
    throw new Error(`There is not ${what}: ${this.nodes.map((node) => `${node.name}: ${node.log()}`).join('\n')}`)
  }

  async stop(): Promise<void> {
    for (const { gate } of this.nodes) gate.close()
    await Promise.all(this.nodes.map((node) => node.kill()))
    await this.etcd.stop()
    const ended = once(this.#keeper, 'exit')
    this.#keeper.ref()
    this.#keeper.stdin?.end()
    await ended
  }
}

async function makeNode(folder: string, index: number, etcd: Etcd, replication: Replication): Promise<Node> {
  const account = accountOf()
  const name = `n${index}`
  const own = join(folder, name)
  const ports = { postgres: await freePort(), rest: await freePort() }
  const gate = await Gate.to(etcd.ports)
  mkdirSync(own)
  writeFileSync(join(own, 'patroni.json'), JSON.stringify(configuration(name, own, ports, gate, replication)))
  if (account.uid !== undefined && account.gid !== undefined) chownSync(own, account.uid, account.gid)
  return new Node(name, ports, gate, own, account)
}

/** The configuration of Patroni. No power fails here, so nothing is synced. */
function configuration(
  name: string,
  folder: string,
  ports: { postgres: number; rest: number },
  gate: Gate,
  replication: Replication,
) {
  const isSynchronous = replication === 'synchronous'
  const secret = { username: SUPERUSER.user, password: SUPERUSER.password }
  const rest = `127.0.0.1:${ports.rest}`
  const postgres = `127.0.0.1:${ports.postgres}`
  return {
    scope: 'formulas',
    name,
    restapi: { listen: rest, connect_address: rest },
    etcd3: { hosts: gate.ports.map((port) => `127.0.0.1:${port}`), use_proxies: true },
    bootstrap: {
      dcs: {
        ...TIMES,
        synchronous_mode: isSynchronous,
        synchronous_mode_strict: isSynchronous,
        postgresql: {
          use_pg_rewind: true,
          parameters: { fsync: 'off', full_page_writes: 'off', max_connections: 100, max_wal_size: '256MB' },
        },
      },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C' }, 'data-checksums', 'no-sync'],
      pg_hba: ['host all all 127.0.0.1/32 md5', 'host replication all 127.0.0.1/32 md5'],
    },
    postgresql: {
      listen: postgres,
      connect_address: postgres,
      data_dir: join(folder, 'data'),
      bin_dir: findInstalled().folder,
      pgpass: join(folder, 'pgpass'),
      authentication: { superuser: secret, replication: secret },
      parameters: { unix_socket_directories: folder },
      basebackup: [{ checkpoint: 'fast' }, 'no-sync'],
    },
    watchdog: { mode: 'off' },
  }
}

// When stdin closes, kills all that is left, frozen or not, and removes the folder.
const SCRIPT = `
  cat
  for file in "$1"/*/program.pid "$1"/*/data/postmaster.pid; do
    [ -f "$file" ] || continue
    pid=$(head -n 1 "$file")
    children=$(cat /proc/$pid/task/*/children)
    kill -KILL $pid $children
  done
  sleep 0.2
  rm -rf -- "$1"
`

/** Ends everything in a folder when this process ends, even by `kill -9`. */
function keep(folder: string): ChildProcess {
  const keeper = spawn('/bin/sh', ['-c', SCRIPT, 'keeper', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  })
  keeper.unref()
  ;(keeper.stdin as unknown as { unref(): void }).unref()
  return keeper
}
