import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { inherited } from '../support/inherited.ts'
import { type Ended, observe } from '../support/service-process.ts'

const SERVER = new URL('../../src/server.ts', import.meta.url).pathname

export interface Launch {
  environment: Record<string, string>
  /** A command prefix, such as `unshare`. */
  within?: string[]
  /** Options of Node; none by default. */
  options?: string[]
  /** The user and group to run as; needs root. */
  uid?: number
  /** The server to run; src/server.ts by default. */
  server?: string
}

/** A server process. */
export interface Server {
  url: string
  port: number
  pid: number
  runs(): boolean
  /** Its resident memory, in bytes. */
  memory(): number
  kill(signal: NodeJS.Signals): Promise<Ended>
}

function launch(
  t: Test,
  { environment, within = [], options = [], uid, server = SERVER }: Launch,
): { child: ChildProcess; ended: Promise<Ended> } {
  const env = { ...inherited(), PORT: '0', ...environment }
  // The test runner makes descendants write into its folder, which another user cannot: `env -i` clears its variables.
  const alone =
    uid === undefined ? [] : ['env', '-i', ...Object.entries(env).map(([name, value]) => `${name}=${value}`)]
  const [command = process.execPath, ...words] = [...within, ...alone, process.execPath, ...options, server]
  const user = uid === undefined ? {} : { uid, gid: uid }
  const child = spawn(command, words, { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], ...user })
  return { child, ended: observe(t, child).ended }
}

/** Starts the server and waits until it listens. */
export async function startServer(t: Test, options: Launch): Promise<Server> {
  const { child, ended } = launch(t, options)
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const found = /listening at (http:\S+?);/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
    ended.then(({ stderr, stdout }) => reject(new Error(`It did not start: ${[...stderr, ...stdout].join('\n')}`)))
  })
  const pid = child.pid as number
  return {
    url,
    port: Number(new URL(url).port),
    pid,
    runs: () => child.exitCode === null && child.signalCode === null,
    memory: () => Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024,
    kill(signal) {
      child.kill(signal)
      return ended
    },
  }
}

/** Runs a server that should end by itself; kills it if it listens. */
export function runServer(t: Test, options: Launch): Promise<Ended> {
  const { child, ended } = launch(t, options)
  child.stdout?.on('data', (chunk: Buffer) => {
    if (chunk.includes('listening at')) child.kill('SIGKILL')
  })
  return ended
}
