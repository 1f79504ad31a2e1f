import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { inherited } from '../../support/inherited.ts'
import type { Account } from '../../support/postgres/binaries.ts'

/** Above that of the service and its clients, which would otherwise keep etcd from answering within its second. */
const PRIORITY = -10

/** A program that is started, killed and started again; `program.pid` in its folder has its process id, `log` its output. */
export class Program {
  readonly #command: string
  readonly #words: string[]
  readonly #folder: string
  readonly #account: Account
  #process: ChildProcess | undefined

  constructor(command: string, words: string[], folder: string, account: Account = {}) {
    this.#command = command
    this.#words = words
    this.#folder = folder
    this.#account = account
    mkdirSync(folder, { recursive: true })
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  start(): void {
    if (this.#process !== undefined) return
    const log = openSync(join(this.#folder, 'log'), 'a')
    const options: SpawnOptions = { cwd: this.#folder, env: inherited(), stdio: ['ignore', log, log] }
    const running = first(() => spawn(this.#command, this.#words, { ...options, ...this.#account }))
    closeSync(log)
    this.#process = running
    writeFileSync(this.#pidFile, `${running.pid}\n`)
    running.once('exit', () => {
      if (this.#process === running) this.#ended()
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal)
  }

  async kill(): Promise<void> {
    const running = this.#process
    if (running === undefined) return
    const ended = once(running, 'exit')
    running.kill('SIGKILL')
    await ended
  }

  #ended(): void {
    this.#process = undefined
    rmSync(this.#pidFile, { force: true })
  }

  get #pidFile(): string {
    return join(this.#folder, 'program.pid')
  }
}

/** Starts a process, with those that it will start, before all others, as if it had a machine of its own; only root may. */
function first<T>(start: () => T): T {
  if (process.getuid?.() !== 0) return start()
  setPriority(PRIORITY)
  try {
    return start()
  } finally {
    setPriority(0)
  }
}
