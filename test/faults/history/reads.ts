import type { EventBody } from './leases.ts'
import type { Reply, Send } from './send.ts'
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

interface Page<T> {
  items: T[]
  next: string | null
}

async function read(send: Send, path: string): Promise<Record<string, unknown>> {
  const { status, body }: Reply = await send('GET', path)
  if (status !== 200) throw new Error(`GET ${path} answers ${status} ${body}`)
  return JSON.parse(body)
}

async function page<T>(send: Send, path: string, field: string, cursor: string | null): Promise<Page<T>> {
  const answer = await read(send, `${path}?limit=200${cursor === null ? '' : `&cursor=${cursor}`}`)
  return { items: answer[field] as T[], next: answer.nextCursor as string | null }
}

/** Reads formulas, newest first, down to a known one; all of them if it is not found. */
export async function newestFormulas(send: Send, known?: string): Promise<{ fresh: StoredFormula[]; met: boolean }> {
  const fresh: StoredFormula[] = []
  for (let cursor: string | null = null; ; ) {
    const { items, next }: Page<StoredFormula> = await page(send, '/formulas', 'formulas', cursor)
    for (const formula of items) {
      if (formula.id === known) return { fresh, met: true }
      fresh.push(formula)
    }
    if (next === null) return { fresh, met: false }
    cursor = next
  }
}

export async function deadEvents(send: Send): Promise<DeadEvent[]> {
  const dead: DeadEvent[] = []
  for (let cursor: string | null = null; ; ) {
    const { items, next }: Page<DeadEvent> = await page(send, '/events/dead', 'events', cursor)
    dead.push(...items)
    if (next === null) return dead
    cursor = next
  }
}

export async function stats(send: Send): Promise<Stats> {
  return (await read(send, '/events/stats')) as unknown as Stats
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

/** Reports duplicates. */
export function reportTwice(what: string, items: string[], report: Report): void {
  const seen = new Set<string>()
  for (const item of items) {
    if (seen.has(item)) report(`${what} twice: ${item}`)
    seen.add(item)
  }
}
