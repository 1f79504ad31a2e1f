import type { Running } from './contender.ts'
import type { Answered, Load, Requests } from './load/generator.ts'

/** Formulas that one 200 to such a request has stored. */
const PER_REQUEST: Record<Requests, number> = {
  single: 1,
  patient: 1,
  forty: 1,
  list: 100,
  preload: 1000,
  replay: 0,
  duplicate: 0,
  consume: 0,
}

/** A load that was sent, and what came of it. */
export interface Sent extends Pick<Load, 'requests' | 'run' | 'kept' | 'connections' | 'perReceive'> {
  answered: Answered
}

/** A contender that can be asked what it has, and killed before. */
export type Witness = Pick<Running, 'url' | 'kill' | 'start'> & {
  contender: Pick<Running['contender'], 'name' | 'durable' | 'stores'>
}

interface Page {
  formulas: { id: string }[]
  nextCursor: string | null
}

/**
 * Checks that what a contender has answered is there: each formula once, and its event, unless that was acknowledged.
 * A durable contender is killed before, so that only what is on disk counts.
 * @throws {Error} telling what is missing, or there and never sent
 */
export async function verify(running: Witness, loads: Sent[]): Promise<void> {
  const { contender } = running
  if (!contender.stores) return
  if (contender.durable) {
    await running.kill('SIGKILL')
    await running.start()
  }
  const stored = await countFormulas(running.url)
  const events = await countEvents(running.url)
  const sum = (of: (load: Sent) => number): number => loads.reduce((total, each) => total + of(each), 0)
  const answered =
    plantedIn(loads) + sum(({ requests, answered }) => (answered.requests - answered.refused) * PER_REQUEST[requests])
  // Requests that failed or that the end of a load cut off, at most one for each connection, may have been stored.
  const unseen = sum(({ requests, connections, answered }) => (connections + answered.failed) * PER_REQUEST[requests])
  const acked = sum((each) => each.answered.acked)
  const ackedUnseen = sum(({ requests, connections, perReceive }) =>
    requests === 'consume' ? connections * perReceive : 0,
  )
  expectBetween(`${contender.name}: formulas stored`, stored, answered, answered + unseen)
  expectBetween(`${contender.name}: events queued`, events, stored - acked - ackedUnseen, stored - acked)
}

/** Formulas that stood for loads which repeat them, each run's once. */
function plantedIn(loads: Sent[]): number {
  const repeating = loads.filter(({ requests }) => requests === 'replay' || requests === 'duplicate')
  return [...new Map(repeating.map(({ run, kept }) => [run, kept])).values()].reduce((total, kept) => total + kept, 0)
}

function expectBetween(what: string, found: number, least: number, most: number): void {
  if (found < least || found > most) throw new Error(`${what}: ${found}, expected ${least} to ${most}`)
}

/** @throws {Error} when one is listed twice */
async function countFormulas(url: string): Promise<number> {
  // Millions of them: the first 16 digits of each fingerprint tell them apart, and a Set would not hold so many.
  let seen = new BigUint64Array(1024)
  let count = 0
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page = await get(`${url}/formulas?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`)
    if (count + page.formulas.length > seen.length) seen = doubled(seen)
    for (const { id } of page.formulas) seen[count++] = BigInt(`0x${id.slice(0, 16)}`)
    cursor = page.nextCursor
  }
  const sorted = seen.subarray(0, count).sort()
  const twice = sorted.findIndex((id, index) => id === sorted[index + 1])
  if (twice >= 0) throw new Error(`Of ${count} formulas, ${sorted[twice]?.toString(16)}… is listed twice`)
  return count
}

function doubled(numbers: BigUint64Array<ArrayBuffer>): BigUint64Array<ArrayBuffer> {
  const larger = new BigUint64Array(numbers.length * 2)
  larger.set(numbers)
  return larger
}

async function countEvents(url: string): Promise<number> {
  const {
    ready,
    leased = 0,
    dead = 0,
  } = await get<{ ready: number; leased?: number; dead?: number }>(`${url}/events/stats`)
  return ready + leased + dead
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url}: ${response.status}`)
  return (await response.json()) as T
}
