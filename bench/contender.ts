import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pidusage from 'pidusage'

/** Something that takes formulas by HTTP, to be measured beside others. */
export interface Contender {
  name: string
  /** What it is, for the record. */
  description: string
  script: URL
  /** Options of Node itself. */
  flags?: string[]
  /** @param directory a folder of its own, which outlives its process but not the run */
  environment(directory: string): Record<string, string>
  /** Whether what it has answered is to be found after a `kill -9`. */
  durable: boolean
  /** Whether it stores anything that can be asked for. */
  stores: boolean
}

const at = (path: string): URL => new URL(path, import.meta.url)

/** What `npm start` runs in a folder that holds a version of this service, and what it gives Node. */
export function startOf(folder: URL): { script: URL; flags: string[] } {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'))
  return { script: new URL('src/server.ts', folder), flags: scripts.start.match(/--\S+/g) ?? [] }
}

const OWN_START = startOf(at('../'))

export const bareRoute: Contender = {
  name: 'bare',
  description: 'Fastify route with the same schema that stores nothing',
  script: at('contenders/bare-route.ts'),
  environment: () => ({}),
  durable: false,
  stores: false,
}

export const sqlite: Contender = {
  name: 'sqlite',
  description: 'this service as shipped: SQLite, every answer synced to disk',
  ...OWN_START,
  environment: (directory) => ({ DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}` }),
  durable: true,
  stores: true,
}

export const memory: Contender = {
  name: 'memory',
  description: 'this service in memory',
  ...OWN_START,
  // A full run keeps more than Node's own limit lets it.
  environment: () => ({ DATABASE_URL: 'memory:', NODE_OPTIONS: '--max-old-space-size=8192' }),
  durable: false,
  stores: true,
}

export const commitARequest: Contender = {
  name: 'commit-a-request',
  description: 'Fastify with one synced SQLite transaction for each request',
  script: at('contenders/commit-a-request.ts'),
  environment: (directory) => ({ BENCH_DIRECTORY: directory }),
  durable: true,
  stores: true,
}

/** What a process has used since it was started. */
export interface Usage {
  cpuMs: number
  rssBytes: number
}

/** What is to go with this process, however that ends. */
const living = new Set<Running>()
process.on('exit', () => {
  for (const running of living) running.abandon()
})

/** A contender's process, on a folder of its own. */
export class Running {
  readonly contender: Contender
  readonly directory: string
  #child: ChildProcess | undefined
  #url = ''
  /** How long the last start took until it listened, in milliseconds. */
  startMs = 0

  constructor(contender: Contender) {
    this.contender = contender
    this.directory = mkdtempSync(join(tmpdir(), 'formula-bench-'))
    living.add(this)
  }

  get url(): string {
    return this.#url
  }

  get pid(): number {
    return this.#child?.pid as number
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
    const said: string[] = []
    for await (const line of createInterface(child.stdout)) {
      const found = /listening at (http:\S+?);/.exec(line)?.[1]
      said.push(line)
      if (found === undefined) continue
      this.#url = found
      this.startMs = performance.now() - began
      child.stdout.resume()
      return this
    }
    throw new Error(`${contender.name} did not start: ${said.join('\n')}`)
  }

  async usage(): Promise<Usage> {
    const { ctime, memory: rssBytes } = await pidusage(this.pid)
    return { cpuMs: ctime, rssBytes }
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  /** Ends the process and removes what it has written. */
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
