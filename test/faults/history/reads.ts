import type { EventBody } from './leases.ts'
import type { Send } from './send.ts'
import type { FormulaBody, Report } from './submissions.ts'

export interface StoredFormula extends FormulaBody {
  id: string
  createdAt: string
}

export interface Stats {
  ready: number
  leased: number
  delayed: number
  dead: number
}

export interface DeadEvent extends EventBody {
  receiveCount: number
  reason: string
}

async function read(send: Send, path: string): Promise<Record<string, unknown>> {
  const { status, body } = await send('GET', path)
  if (status !== 200) throw new Error(`GET ${path} answers ${status} ${body}`)
  return JSON.parse(body)
}

async function* itemsOf<T>(send: Send, path: string, field: string, query = ''): AsyncGenerator<T> {
  for (let cursor = ''; ; ) {
    const page = await read(send, `${path}?limit=200${query}${cursor}`)
    yield* page[field] as T[]
    if (page.nextCursor === null) return
    cursor = `&cursor=${page.nextCursor}`
  }
}

/** Reads formulas, newest first, down to a known one; all of them if it is not found. */
export async function newestFormulas(send: Send, known?: string): Promise<{ fresh: StoredFormula[]; met: boolean }> {
  const fresh: StoredFormula[] = []
  for await (const formula of itemsOf<StoredFormula>(send, '/formulas', 'formulas')) {
    if (formula.id === known) return { fresh, met: true }
    fresh.push(formula)
  }
  return { fresh, met: false }
}

export const deadEvents = (send: Send, subscription: string): Promise<DeadEvent[]> =>
  Array.fromAsync(itemsOf<DeadEvent>(send, '/events/dead', 'events', `&subscription=${subscription}`))

export async function stats(send: Send, subscription: string): Promise<Stats> {
  return (await read(send, `/events/stats?subscription=${subscription}`)) as unknown as Stats
}

export async function cleanups(send: Send): Promise<unknown[]> {
  return (await read(send, '/cleanups')).cleanups as unknown[]
}

/** Calls `work` for each item, `atATime` in parallel. */
export async function each<T>(items: Iterable<T>, atATime: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: atATime }, worker))
}

/** Reports keys that occur more than once. */
export function reportTwice<T>(what: string, items: T[], keyOf: (item: T) => string, report: Report): void {
  const seen = new Set<string>()
  for (const key of items.map(keyOf)) {
    if (seen.has(key)) report(`${what} twice: ${key}`)
    seen.add(key)
  }
}
