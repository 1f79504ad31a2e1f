import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Account, accountOf, type Binaries, findBinaries } from './binaries.ts'
import { childrenOf, signal } from './process-tree.ts'

const execute = promisify(execFile)

/** Longer than any recovery after a crash takes here. */
const PATIENCE_MS = 60_000
const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/postgres')
export const SUPERUSER = { user: 'postgres', password: 'postgres' }

/** Settings of postgresql.conf. */
export type Settings = Record<string, string | number | boolean>

/** A PostgreSQL with files of its own, on a free port of the loopback address. */
export class Cluster {
  readonly port: number
  readonly #directory: string
  readonly #keeper: Keeper
  readonly #account: Account
  readonly #binaries: Binaries
  #postmaster: ChildProcess | undefined

  private constructor(port: number, binaries: Binaries, inMemory: boolean) {
    this.port = port
    this.#binaries = binaries
    this.#account = accountOf()
    this.#directory = mkdtempSync(join(inMemory ? memoryFolder() : tmpdir(), 'formula-postgres-'))
    this.#keeper = new Keeper(this.#directory)
    this.#chown(this.#directory)
  }

  /**
   * Makes the files, and starts the server on them.
   * @param locale an ICU locale such as `en-US`, or `C`
   * @param inMemory whether the files may be in memory: they outlast a crash of the server there too
   * @param binaries default: those of npm
   */
  static async start(settings: Settings, locale: string, inMemory: boolean, binaries?: Binaries): Promise<Cluster> {
    const cluster = new Cluster(await freePort(), binaries ?? (await findBinaries()), inMemory)
    return cluster.#startOn(settings, () => cluster.#initialise(locale))
  }

  /** Starts a server on files that are put in its folder, such as those of a backup. */
  static async restore(
    settings: Settings,
    binaries: Binaries,
    put: (data: string, account: Account) => Promise<void>,
  ): Promise<Cluster> {
    const cluster = new Cluster(await freePort(), binaries, false)
    return cluster.#startOn(settings, () => put(cluster.#data, cluster.#account))
  }

  async #startOn(settings: Settings, makeFiles: () => Promise<void>): Promise<Cluster> {
    try {
      await makeFiles()
      const all = { listen_addresses: '127.0.0.1', port: this.port, unix_socket_directories: '', ...settings }
      const lines = Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`)
      // ALTER SYSTEM could not change command-line options.
      appendFileSync(join(this.#data, 'postgresql.conf'), lines.join(''))
      await this.start()
      return this
    } catch (error) {
      await this.remove()
      throw error
    }
  }

  get #data(): string {
    return join(this.#directory, 'data')
  }

  get #log(): string {
    return join(this.#directory, 'log')
  }

  /** Process id of the postmaster. */
  get pid(): number {
    const pid = this.#postmaster?.pid
    if (pid === undefined) throw new Error('PostgreSQL is not running')
    return pid
  }

  /** Starts the server again on its files. */
  async start(): Promise<void> {
    if (this.#postmaster !== undefined) throw new Error('PostgreSQL is running')
    const log = openSync(this.#log, 'a')
    const options: SpawnOptions = { ...this.#account, cwd: this.#directory, stdio: ['ignore', log, log] }
    const postmaster = spawn(this.#binaries.postgres, ['-D', this.#data], options)
    closeSync(log)
    this.#postmaster = postmaster
    postmaster.unref()
    postmaster.once('exit', () => {
      if (this.#postmaster === postmaster) this.#postmaster = undefined
      this.#keeper.keep(undefined)
    })
    this.#keeper.keep(postmaster.pid)
    await this.#ready(postmaster)
  }

  /** Reads the status from `postmaster.pid`, as pg_ctl does. */
  async #ready(postmaster: ChildProcess): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    while (performance.now() < deadline) {
      if (postmaster.exitCode !== null || postmaster.signalCode !== null) break
      const [pid, , , , , , , status] = this.#read(join(this.#data, 'postmaster.pid')).split('\n')
      // After a crash, the file may still be that of the previous server.
      if (Number(pid) === postmaster.pid && status?.trim() === 'ready') return
      await pause(5)
    }
    throw new Error(`PostgreSQL did not start: ${this.#read(this.#log).slice(-2000)}`)
  }

  #read(file: string): string {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      return ''
    }
  }

  /** Stops the server like `pg_ctl stop -m immediate`: no checkpoint, clients are cut off. */
  async crash(): Promise<void> {
    const postmaster = this.#postmaster
    if (postmaster === undefined) return
    const ended = once(postmaster, 'exit')
    postmaster.ref()
    postmaster.kill('SIGQUIT')
    this.thaw()
    await ended
  }

  /** Freezes all its processes; connections stay open, and nothing answers. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP')
    for (const child of childrenOf(this.pid)) signal(child, 'SIGSTOP')
  }

  /** Lets frozen processes go on. */
  thaw(): void {
    for (const child of childrenOf(this.pid)) signal(child, 'SIGCONT')
    signal(this.pid, 'SIGCONT')
  }

  /** Restarts the server on a new timeline, as a standby that is promoted. */
  async promote(): Promise<void> {
    await this.crash()
    // There is nothing to restore, and nobody may connect before it is promoted.
    appendFileSync(join(this.#data, 'postgresql.conf'), "restore_command = 'false'\nhot_standby = off\n")
    const signal = join(this.#data, 'recovery.signal')
    writeFileSync(signal, '')
    this.#chown(signal)
    await this.start()
  }

  /** Ends the server and removes its files. */
  async remove(): Promise<void> {
    await this.crash()
    await this.#keeper.finish()
  }

  /** Copies the files of a fresh server, which are made once for each locale: a copy takes a fifth of the time. */
  async #initialise(locale: string): Promise<void> {
    const fresh = join(CACHE, hash('sha256', `${this.#binaries.initdb} ${locale} ${this.#account.uid}`))
    if (!existsSync(fresh)) {
      await this.#makeFiles(locale)
      await keep(this.#data, fresh)
    } else await execute('cp', ['-a', fresh, this.#data])
  }

  async #makeFiles(locale: string): Promise<void> {
    const secret = join(this.#directory, 'password')
    writeFileSync(secret, SUPERUSER.password)
    this.#chown(secret)
    const provider = locale === 'C' ? [] : ['--locale-provider=icu', `--icu-locale=${locale}`]
    const options = [`--username=${SUPERUSER.user}`, `--pwfile=${secret}`, '--auth=scram-sha-256', '--encoding=UTF8']
    const words = [`--pgdata=${this.#data}`, ...options, '--locale=C', ...provider, '--no-sync', '--no-instructions']
    await execute(this.#binaries.initdb, words, { ...this.#account, cwd: this.#directory })
  }

  /** Hands a file over to the account that the server runs as. */
  #chown(path: string): void {
    const { uid, gid } = this.#account
    if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
  }
}

/** A file system in memory, where there is one that is large enough; else the usual folder. */
function memoryFolder(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize > 2 ** 30 ? '/dev/shm' : tmpdir()
  } catch {
    return tmpdir()
  }
}

/** Copies a folder and renames the complete copy. Another process may have made the same copy meanwhile. */
async function keep(folder: string, copy: string): Promise<void> {
  mkdirSync(CACHE, { recursive: true })
  const unfinished = mkdtempSync(`${copy}-`)
  await execute('cp', ['-a', `${folder}/.`, unfinished])
  await rename(unfinished, copy).catch(() => rm(unfinished, { recursive: true }))
}

/** Below the ephemeral ports, so that no client takes it while the server is down. */
export async function freePort(): Promise<number> {
  const port = 20_000 + Math.floor(Math.random() * 12_000)
  const probe = createServer()
  const isFree = new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
  return (await isFree) ? port : freePort()
}

// Reads process ids line by line. When stdin closes, kills the last of them, frozen or not, and removes the folder.
const SCRIPT = `
  while read -r line; do pid=$line; done
  if [ -n "$pid" ]; then
    kill -s "$2" "$pid"; kill -CONT "$pid"
    while kill -0 "$pid"; do sleep 0.05; done
  fi
  rm -rf -- "$1"
`

/** Ends a server and removes its folder when the process that started it ends, even by `kill -9`. */
export class Keeper {
  readonly #watch: ChildProcess

  constructor(directory: string, signal: 'QUIT' | 'KILL' = 'QUIT') {
    // In a process group of its own, which is not ended along with ours.
    const options: SpawnOptions = { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' }
    this.#watch = spawn('/bin/sh', ['-c', SCRIPT, 'keeper', directory, signal], options)
    this.#watch.unref()
    // The pipe to a process is a socket, but is not typed as one.
    const pipe = this.#watch.stdin as unknown as { unref(): void }
    pipe.unref()
  }

  /** @param pid the process to end; undefined when none is left */
  keep(pid: number | undefined): void {
    this.#watch.stdin?.write(`${pid ?? ''}\n`)
  }

  /** Ends the process now, and removes the folder. */
  async finish(): Promise<void> {
    const finished = once(this.#watch, 'exit')
    this.#watch.ref()
    this.#watch.stdin?.end()
    await finished
  }
}
