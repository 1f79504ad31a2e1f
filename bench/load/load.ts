import { autocannonGenerator } from './autocannon.ts'
import type { Answered, Generator, Load } from './generator.ts'
import { wrk, wrkVersion } from './wrk.ts'

const version = wrkVersion()

/** What sends the requests on this machine: wrk where it is installed. */
export const generator: Generator = version === undefined ? autocannonGenerator : wrk(version)

/** @throws {Error} when a connection failed: an answer that nobody saw cannot be counted */
export async function load(load: Load): Promise<Answered> {
  const answered = await generator.load(load)
  if (answered.failed > 0) throw new Error(`${answered.failed} requests to ${load.url} failed`)
  return answered
}

let runs = 0

/** A number that no other load of this process has. */
export function newRun(): number {
  return ++runs
}
