import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { inherited } from './inherited.ts'

const SERVER = new URL('../../src/server.ts', import.meta.url).pathname

/** A process's output and how it ended. */
export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string[]
  stderr: string[]
}

/** A real server process on a port of its own. */
export interface ServiceProcess {
  url: string
  kill(signal: NodeJS.Signals): Promise<Ended>
}

type Environment = Record<string, string>

function launch(t: Test, environment: Environment): { child: ChildProcess; ended: Promise<Ended>; lines: string[] } {
  const env = { ...inherited(), ...environment }
  const child = spawn(process.execPath, [SERVER], { cwd: t.testdirName, env, stdio: ['ignore', 'pipe', 'pipe'] })
  return { child, ...observe(t, child) }
}

/** Keeps the output of a process line by line; kills it when the test ends. */
export function observe(t: Test, child: ChildProcess): { ended: Promise<Ended>; lines: string[] } {
  const [stdout, stderr]: [string[], string[]] = [[], []]
  if (child.stdout) createInterface(child.stdout).on('line', (line) => stdout.push(line))
  if (child.stderr) createInterface(child.stderr).on('line', (line) => stderr.push(line))
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { ended, lines: stdout }
}

/** A server process that may not listen yet. */
export interface StartingProcess {
  /** Its URL, when it listens. Rejects when it ends before. */
  listening: Promise<string>
  /** Its lines on stdout so far. */
  lines: string[]
  signal(signal: NodeJS.Signals): void
  /** Sends a signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<Ended>
}

/** Starts the server. */
export function spawnService(t: Test, environment: Environment): StartingProcess {
  const { child, ended, lines } = launch(t, { PORT: '0', ...environment })
  const listening = new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const found = lines.map((line) => /listening at (http:\S+?);/.exec(line)?.[1]).find(Boolean)
      if (found !== undefined) resolve(found)
    }
    child.stdout?.on('data', () => setImmediate(look))
    ended.then(({ stderr, stdout }) => reject(new Error(`It did not start: ${[...stderr, ...stdout].join('\n')}`)))
  })
  return {
    listening,
    lines,
    signal: (signal) => void child.kill(signal),
    kill(signal) {
      child.kill(signal)
      return ended
    },
  }
}

/** Starts the server and waits until it listens. */
export async function startService(t: Test, environment: Environment): Promise<ServiceProcess> {
  const { listening, kill } = spawnService(t, environment)
  return { url: await listening, kill }
}

/** Runs a server that should end by itself. */
export function runToEnd(t: Test, environment: Environment): Promise<Ended> {
  return launch(t, { PORT: '0', ...environment }).ended
}

/** Sends a submission. */
export function post(url: string, key: string, body: unknown, query = ''): Promise<Response> {
  return fetch(`${url}/formulas${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  })
}

/** Sends a POST with a JSON body and reads the JSON answer. */
export async function call<T>(url: string, path: string, body?: unknown): Promise<T> {
  const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`${url}${path}`, body === undefined ? {} : json)
  return (await response.json()) as T
}

export const formula = (concentration: number | string, name = `Formula ${concentration}`) => ({
  name,
  materials: [{ name: 'Rose', concentration }],
})
