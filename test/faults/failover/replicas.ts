import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { accountOf, findInstalled } from '../../support/postgres/binaries.ts'
import { freePort, SUPERUSER } from '../../support/postgres/cluster.ts'
import { query } from '../../support/postgres/server.ts'
import { Etcd } from './etcd.ts'
import { Gate } from './gate.ts'
import { Node } from './node.ts'

const NODES = 3
/** The role of the service. */
const SERVICE = 'intake'
const STREAMING = `SELECT FROM pg_stat_replication WHERE state = 'streaming'`
/** A transaction that writes. */
const COMMIT = `SELECT pg_logical_emit_message(true, 'formulas', '')`
/** A commit that takes longer has waited for a primary or a standby, not only for its turn. In milliseconds. */
const LONG_MS = 3_000
/** How long a start, or a failover, may take, in milliseconds. */
const PATIENCE_MS = 120_000
/** How long a standby may take before it is restarted, in milliseconds. */
const RESTART_MS = 40_000

/** How Patroni is set up: it replaces a primary that it hears nothing of for 8 seconds. */
const TIMES = { ttl: 8, loop_wait: 1, retry_timeout: 3, primary_start_timeout: 0 }

export type Replication = 'synchronous' | 'asynchronous'

/** What Debian has to have installed. @returns what is missing */
export const missing = (): string[] =>
  ['/usr/bin/patroni', '/usr/bin/etcd', '/usr/bin/etcdctl', '/usr/lib/postgresql'].filter((path) => !existsSync(path))

const urlOf = ({ port }: Node, database: string): string =>
  `postgres://${SUPERUSER.user}:${SUPERUSER.password}@127.0.0.1:${port}/${database}`

/** Three servers of PostgreSQL, of which Patroni makes one the primary, with the servers of etcd that it asks. */
export class Replicas {
  readonly nodes: Node[]
  readonly etcd: Etcd
  /** How many standbys had to be restarted. */
  restarted = 0
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
      const role = `CREATE ROLE ${SERVICE} LOGIN PASSWORD '${SERVICE}'`
      await replicas.atPrimary((urlOf) => query(urlOf('postgres'), role))
      return replicas
    } catch (error) {
      await replicas.stop()
      throw error
    }
  }

  /**
   * The URL of a database, with all servers, for the service. Its role is no superuser: connections that wait for a
   * standby pile up on the server, and would leave none to Patroni.
   */
  url(database: string): string {
    const hosts = this.nodes.map(({ port }) => `127.0.0.1:${port}`)
    return `postgres://${SERVICE}:${SERVICE}@${hosts}/${database}`
  }

  /** Looks into databases at the primary, for a test; again when it is replaced meanwhile. */
  async atPrimary<T>(look: (urlOf: (database: string) => string) => Promise<T>): Promise<T> {
    for (const until = performance.now() + PATIENCE_MS; ; await pause(200)) {
      const primary = await this.primary()
      try {
        return await look((database) => urlOf(primary, database))
      } catch (error) {
        if (performance.now() > until) throw error
      }
    }
  }

  async createDatabase(name: string): Promise<void> {
    await this.atPrimary((urlOf) => query(urlOf('postgres'), `CREATE DATABASE ${name} OWNER ${SERVICE}`))
  }

  /** Waits for a primary, another than `old` if given. */
  async primary(old?: Node): Promise<Node> {
    return this.#until('a primary', async () => {
      const leads = await Promise.all(this.nodes.map((node) => node.leads()))
      return this.nodes.find((node, index) => leads[index] && node !== old)
    })
  }

  /**
   * Commits again and again, for which the primary may need a standby, until something has ended.
   * @returns the milliseconds to the first that is confirmed; to a later one if that waited, as the primary was lost again
   */
  async msUntilConfirming(end: Promise<unknown>): Promise<number> {
    const begun = performance.now()
    let [isOver, waited] = [false, 0]
    void end.finally(() => {
      isOver = true
    })
    while (!isOver) {
      const sent = performance.now()
      await this.atPrimary((urlOf) => query(urlOf('postgres'), COMMIT))
      const confirmed = performance.now()
      if (waited === 0 || confirmed - sent > LONG_MS) waited = confirmed - begun
      await pause(100)
    }
    return waited
  }

  async standby(which: 'synchronous' | 'any' = 'any'): Promise<Node> {
    return this.#until(`a standby: ${which}`, async () => {
      const follow = await Promise.all(
        this.nodes.map((node) => (which === 'any' ? node.follows() : node.isSynchronous())),
      )
      return this.nodes.find((_, index) => follow[index])
    })
  }

  /**
   * Waits until one leads and the others follow it without a gap. Restarts a standby that does not, as an operator would:
   * one that Patroni started while etcd named no leader never gets the address of a primary (Patroni's issue 3675).
   */
  async untilWhole(): Promise<void> {
    let restartAt = performance.now() + RESTART_MS
    await this.#until('a primary and two standbys', async () => {
      const leads = await Promise.all(this.nodes.map((node) => node.leads()))
      const follow = await Promise.all(this.nodes.map(async (node, index) => leads[index] || (await node.follows())))
      const primary = this.nodes[leads.indexOf(true)]
      if (primary !== undefined && performance.now() > restartAt) {
        restartAt = performance.now() + RESTART_MS
        await this.#restart(this.nodes.filter((_, index) => !follow[index]))
      }
      if (primary === undefined || !follow.every(Boolean)) return undefined
      const standbys = await query(urlOf(primary, 'postgres'), STREAMING).catch(() => [])
      return standbys.length === NODES - 1 || undefined
    })
  }

  async #restart(standbys: Node[]): Promise<void> {
    for (const standby of standbys) {
      await standby.kill()
      standby.start()
      this.restarted++
    }
  }

  async #until<T>(what: string, find: () => Promise<T | undefined>): Promise<T> {
    for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await pause(50)) {
      const found = await find()
      if (found !== undefined) return found
    }
    throw new Error(`There is not ${what}: ${this.nodes.map((node) => `${node.name}: ${node.log()}`).join('\n')}`)
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.flatMap((node) => [node.gate.close(), node.kill()]))
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
  const gate = await Gate.to(etcd.ports, join(folder, `g${index}`))
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
    // By version 3 of etcd's API, Patroni before 3.0.3 takes the lead back from another when it stood still.
    etcd: { hosts: gate.ports.map((port) => `127.0.0.1:${port}`), use_proxies: true },
    bootstrap: {
      dcs: {
        ...TIMES,
        synchronous_mode: isSynchronous,
        synchronous_mode_strict: isSynchronous,
        postgresql: {
          use_pg_rewind: true,
          parameters: { fsync: 'off', max_wal_size: '256MB', wal_retrieve_retry_interval: '500ms' },
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
