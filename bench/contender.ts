import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pidusage from 'pidusage'
import type { CaseLoad } from './cases.ts'

/** An HTTP service that takes formulas. */
export interface Contender {
  name: string
  script: URL
  /** Options of Node itself. */
  flags?: string[]
  /** @param directory its own folder, which outlives its process but not the run */
  environment(directory: string): Record<string, string>
  /** Whether it stores what it answers, durably. */
  stores: boolean
  /** Its own load, where it differs from that of the case. */
  load?: Partial<CaseLoad>
}

const at = (path: string): URL => new URL(path, import.meta.url)

/** What `npm start` runs for the version of this service in a folder. */
export function startOf(folder: URL): { script: URL; flags: string[] } {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'))
  return { script: new URL('src/server.ts', folder), flags: scripts.start.match(/--\S+/g) ?? [] }
}

/** A Fastify route with the same schema that stores nothing. */
export const bareRoute: Contender = {
  name: 'bare',
  script: at('contenders/bare-route.ts'),
  environment: () => ({}),
  stores: false,
}

/** This service as shipped: every answer is synced to disk. */
export const sqlite: Contender = {
  name: 'sqlite',
  ...startOf(at('../')),
  environment: (directory) => ({ DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}` }),
  stores: true,
}

/** A contender on a PostgreSQL database. */
export type OnPostgres = (databaseUrl: string) => Contender

/** This service on PostgreSQL. */
export const postgres: OnPostgres = (url) => ({
  ...sqlite,
  name: 'postgres',
  environment: () => ({ DATABASE_URL: url }),
})

const obvious = (name: string): OnPostgres => {
  const script = at('contenders/transaction-a-request.ts')
  return (url) => ({
    name,
    script,
    environment: () => ({ DATABASE_URL: url, ...(name === 'pg-boss' && { BENCH_EVENTS: 'pg-boss' }) }),
    stores: true,
  })
}

/** One PostgreSQL transaction per request. */
export const transactionARequest = obvious('transaction-a-request')
/** The same, with an event that pg-boss adds in the transaction. */
export const pgBoss = obvious('pg-boss')

/** What a process has used since its start. */
export interface Usage {
  cpuMs: number
  rssBytes: number
  /** Bytes written to disk; NaN where the system does not count them (elsewhere than on Linux). */
  writtenBytes: number
}

const living = new Set<Running>()
process.on('exit', () => {
  for (const running of living) running.abandon()
})
// Runs the handler above on a signal too, which ends the contenders and removes their files.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** The process of a contender, with its own folder. */
export class Running {
  readonly contender: Contender
  readonly directory = mkdtempSync(join(tmpdir(), 'formula-bench-'))
  #child: ChildProcess | undefined
  url = ''
  /** Time from the last start until it listened, in milliseconds. */
  startMs = 0

  constructor(contender: Contender) {
    this.contender = contender
    living.add(this)
  }

  async start(): Promise<this> {
    const { contender, directory } = this
    const env = { PATH: process.env.PATH ?? '', PORT: '0', ...contender.environment(directory) }
    const began = performance.now()
    const child = spawn(process.execPath, [...(contender.flags ?? []), contender.script.pathname], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    const printed: string[] = []
    for await (const line of createInterface(child.stdout)) {
      const found = /listening at (http:\S+?);/.exec(line)?.[1]
      printed.push(line)
      if (found === undefined) continue
      this.url = found
      this.startMs = performance.now() - began
      child.stdout.resume()
      return this
    }
    throw new Error(`${contender.name} did not start: ${printed.join('\n')}`)
  }

  get pid(): number {
    return this.#child?.pid as number
  }

  async usage(): Promise<Usage> {
    const { pid } = this
    const { ctime, memory } = await pidusage(pid)
    return { cpuMs: ctime, rssBytes: memory, writtenBytes: writtenBytes(pid) }
  }

  /** Size of its files. */
  storedBytes(): number {
    const files = readdirSync(this.directory).map((name) => statSync(join(this.directory, name)).size)
    return files.reduce((sum, size) => sum + size, 0)
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  /** Ends the process and removes its files. */
  async remove(): Promise<void> {
    await this.kill('SIGKILL')
    this.abandon()
  }

  /** The same without waiting for its end. */
  abandon(): void {
    living.delete(this)
    this.#child?.kill('SIGKILL')
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Runs the service as shipped, on an empty store. */
export async function onSqlite<T>(work: (running: Running) => Promise<T>): Promise<T> {
  const running = await new Running(sqlite).start()
  try {
    return await work(running)
  } finally {
    await running.remove()
  }
}

function writtenBytes(pid: number): number {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1])
  } catch {
    return Number.NaN
  }
}
