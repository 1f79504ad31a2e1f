import type { Running } from './contender.ts'
import type { Requests, Sent } from './load/load.ts'

/** How many formulas a 200 to such a request has stored. */
const PER_REQUEST: Partial<Record<Requests, number>> = {
  single: 1,
  'backing-off': 1,
  forty: 1,
  list: 100,
  minimal: 100,
  thousand: 1000,
}

/** A contender that can be killed and asked for what it has stored. */
export type Verifiable = Pick<Running, 'url' | 'kill' | 'start'> & { contender: Pick<Running['contender'], 'name'> }

interface Page {
  formulas: { id: string }[]
  nextCursor: string | null
}

/**
 * Kills and restarts a contender, then checks that everything it has answered is there: each formula once, and its event
 * unless that was acknowledged.
 * @returns the number of stored formulas
 * @throws {Error} when something is missing, or there and never sent
 */
export async function verify(running: Verifiable, loads: Sent[]): Promise<number> {
  await running.kill('SIGKILL')
  await running.start()
  const sum = (of: (load: Sent) => number): number => loads.reduce((total, each) => total + of(each), 0)
  const perRequest = ({ requests }: Sent): number => PER_REQUEST[requests] ?? 0
  const added = sum((load) => (load.answered.requests - load.answered.refused) * perRequest(load))
  const answered = added + countRepeated(loads)
  // Failed requests, and those in flight at the end of a load, at most one per connection, may have been stored.
  const unseen = sum((load) => (load.connections + load.answered.failed) * perRequest(load))
  const acked = sum((load) => load.answered.acked)
  const consumers = loads.filter(({ requests }) => requests === 'consume')
  const ackedUnseen = consumers.reduce((total, { connections, perReceive = 1 }) => total + connections * perReceive, 0)
  const stored = await countFormulas(running.url, answered + unseen)
  const events = await countEvents(running.url)
  const { name } = running.contender
  expectBetween(`${name}: formulas stored`, stored, answered, answered + unseen)
  expectBetween(`${name}: events queued`, events, stored - acked - ackedUnseen, stored - acked)
  return stored
}

/** Counts the formulas that loads repeat, once per run. */
function countRepeated(loads: Sent[]): number {
  const repeating = loads.filter(({ requests }) => requests === 'replay' || requests === 'duplicate')
  return [...new Map(repeating.map(({ run, kept = 1 }) => [run, kept])).values()].reduce((sum, kept) => sum + kept, 0)
}

function expectBetween(what: string, found: number, least: number, most: number): void {
  if (found < least || found > most) throw new Error(`${what}: ${found}, expected ${least} to ${most}`)
}

/** @throws {Error} when one is listed twice */
async function countFormulas(url: string, most: number): Promise<number> {
  // Millions of them: 64 bits of each fingerprint are enough, in an array that takes 8 bytes each.
  const seen = new BigUint64Array(most)
  let count = 0
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page = await get(`${url}/formulas?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`)
    for (const { id } of page.formulas) seen[count++] = BigInt(`0x${id.slice(0, 16)}`)
    cursor = page.nextCursor
  }
  const sorted = seen.subarray(0, count).sort()
  const twice = sorted.findIndex((id, index) => id === sorted[index + 1])
  if (twice >= 0) throw new Error(`Of ${count} formulas, ${sorted[twice]?.toString(16)}… is listed twice`)
  return count
}

interface Stats {
  ready: number
  leased?: number
  dead?: number
}

async function countEvents(url: string): Promise<number> {
  const { ready, leased = 0, dead = 0 }: Stats = await get(`${url}/events/stats`)
  return ready + leased + dead
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url}: ${response.status}`)
  return (await response.json()) as T
}
