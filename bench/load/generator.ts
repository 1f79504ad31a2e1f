/**
 * What is sent; see requests.lua and its twin requests.ts for each. `patient` is `single` by clients that do as Retry-After
 * says, which only wrk can.
 */
export type Requests = 'single' | 'patient' | 'forty' | 'list' | 'preload' | 'replay' | 'duplicate' | 'consume'

export interface Load {
  url: string
  requests: Requests
  /** Tells the make-ups of this run from those of any other. */
  run: number
  /** Tells the keys; a load of known make-ups under new keys has the same run and others of these. */
  keys: number
  seconds: number
  connections: number
  /** How many bodies there are that are sent again and again, where the case repeats some. */
  kept: number
  /** Most events a consumer asks for. */
  perReceive: number
}

/** What a generator counted and timed. */
export interface Answered {
  requests: number
  /** Answers that were no 200. */
  refused: number
  /** Connections and answers that failed. */
  failed: number
  /** Events acknowledged. */
  acked: number
  seconds: number
  p50Ms: number
  p99Ms: number
  maxMs: number
}

/** Sends requests as fast as they are answered, on each of its connections one after the other. */
export interface Generator {
  name: 'wrk' | 'autocannon'
  version: string
  /** @throws {Error} when it cannot run; connections that fail are counted */
  load(load: Load): Promise<Answered>
}
