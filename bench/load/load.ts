import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { autocannonGenerator } from './autocannon.ts'

/**
 * Kinds of requests; see `request` in requests.ts. `minimal` is `list` with `Prefer: return=minimal`. `backing-off` is `single` by clients that honour Retry-After, which
 * only wrk supports.
 */
export type Requests =
  | 'single'
  | 'backing-off'
  | 'forty'
  | 'list'
  | 'minimal'
  | 'thousand'
  | 'replay'
  | 'duplicate'
  | 'consume'
  | 'get'

/** Determines keys and bodies of all requests of a load. */
export interface Sequence {
  requests: Requests
  /** Makes compositions unique; see `newRun`. */
  run: number
  /** Makes keys unique; default: `run`. */
  keys?: number
  /** Number of formulas that `replay` and `duplicate` repeat; default 1. */
  kept?: number
  /** Maximum number of events per receive; default 1. */
  perReceive?: number
  /** What `get` reads, in turn: at least one, without commas. */
  paths?: string[]
}

export interface Load extends Sequence {
  url: string
  seconds: number
  connections: number
}

/** What a generator counted and timed. */
export interface Answered {
  requests: number
  /** Answers other than 2xx. */
  refused: number
  /** Failed connections and time-outs. */
  failed: number
  /** Acknowledged events. */
  acked: number
  seconds: number
  p50Ms: number
  p99Ms: number
}

/** Loads a server over some connections; each sends its next request as soon as the last is answered. */
export interface Generator {
  name: 'wrk' | 'autocannon'
  version: string
  /** @throws {Error} when it cannot run; failed connections are counted */
  load(load: Load): Promise<Answered>
}

/** A load that was sent, with its results. */
export interface Sent extends Sequence {
  connections: number
  answered: Answered
}

/** The version of wrk that is installed; undefined if none is. */
export function wrkVersion(): string | undefined {
  // It prints its version with its usage, and exits with an error.
  const { stdout, error } = spawnSync('wrk', ['-v'], { encoding: 'utf8' })
  return error === undefined ? (/^wrk (?:\S*\/)?(\S+)/.exec(stdout)?.[1] ?? 'unknown') : undefined
}

const SCRIPT = new URL('requests.lua', import.meta.url).pathname

/** One thread of wrk saturates every contender, and takes less CPU time than any generator in JavaScript. */
export const wrk = (version: string): Generator => ({
  name: 'wrk',
  version,
  async load({ url, requests, run, keys = run, seconds, connections, kept = 1, perReceive = 1, paths = [] }) {
    const options = ['-t', '1', '-c', `${connections}`, '-d', `${seconds}`, '--timeout', '30', '-s', SCRIPT, url]
    const script = ['--', requests, ...[run, kept, perReceive, keys].map(String), paths.join()]
    const { stdout } = await promisify(execFile)('wrk', [...options, ...script])
    return JSON.parse(stdout.slice(stdout.lastIndexOf('\n{')))
  },
})

const version = wrkVersion()

/** wrk if it is installed, otherwise autocannon. */
export const generator: Generator = version === undefined ? autocannonGenerator : wrk(version)

/** @throws {Error} when a connection failed: its last request may or may not have been handled */
export async function load(load: Load): Promise<Sent> {
  const answered = await generator.load(load)
  if (answered.failed > 0) throw new Error(`${answered.failed} requests to ${load.url} failed`)
  return { ...load, answered }
}

let runs = 0

/** A number that no other load of this process has. */
export const newRun = (): number => ++runs
