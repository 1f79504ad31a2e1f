import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { Test } from 'tap'
import { inherited } from './inherited.ts'
import { type Ended, observe } from './service-process.ts'

/** A command that runs. */
export interface Running {
  /** Its lines on stdout so far. */
  stdout: string[]
  ended: Promise<Ended>
  kill(signal: NodeJS.Signals): Promise<Ended>
}

const root = new URL('../../', import.meta.url)

/** Starts one of our programs; `input` is its standard input. */
export function start(t: Test, program: string, args: string[], environment = {}, input?: string | Readable): Running {
  const env = { ...inherited(), ...environment }
  const stdin = input === undefined ? 'ignore' : 'pipe'
  const path = new URL(program, root).pathname
  const child = spawn(process.execPath, [path, ...args], { cwd: t.testdirName, env, stdio: [stdin, 'pipe', 'pipe'] })
  if (typeof input === 'string') child.stdin?.end(input)
  else if (child.stdin) input?.pipe(child.stdin)
  const { ended, lines } = observe(t, child)
  return {
    stdout: lines,
    ended,
    kill(signal) {
      child.kill(signal)
      return ended
    },
  }
}
