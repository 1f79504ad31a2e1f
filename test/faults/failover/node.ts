import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Account } from '../../support/postgres/binaries.ts'
import { childrenOf, signal } from '../../support/postgres/process-tree.ts'
import type { Gate } from './gate.ts'
import { Program } from './program.ts'

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
