import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import type { Answered, Generator, Load } from './generator.ts'

const SCRIPT = new URL('requests.lua', import.meta.url).pathname
const execute = promisify(execFile)

/** The version of wrk that is installed; undefined when none is. */
export function wrkVersion(): string | undefined {
  // It prints its version along with its usage, and fails then.
  const { stdout, error } = spawnSync('wrk', ['-v'], { encoding: 'utf8' })
  return error === undefined ? (/^wrk (?:\S*\/)?(\S+)/.exec(stdout)?.[1] ?? 'unknown') : undefined
}

/**
 * One thread of wrk, written in C, is enough for every contender, and takes less from the two cores than any generator
 * in JavaScript would: it must not be what is measured.
 */
export function wrk(version: string): Generator {
  return { name: 'wrk', version, load }
}

async function load({ url, requests, run, keys, seconds, connections, kept, perReceive }: Load): Promise<Answered> {
  const options = ['-t', '1', '-c', `${connections}`, '-d', `${seconds}`, '--timeout', '30', '-s', SCRIPT, url]
  const { stdout } = await execute('wrk', [...options, '--', requests, ...[run, kept, perReceive, keys].map(String)])
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n{')))
}
