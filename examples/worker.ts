/**
 * Works on events: here, it prints a label for each new formula into a small database. Start as many as you like:
 *
 *   node examples/worker.ts labels.db
 *
 * SERVICE_URL, API_KEY and LEASE_SECONDS come from the environment. SIGTERM: it finishes the event it works on, gives the others back
 * and ends with 0.
 */
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

const SERVICE = process.env.SERVICE_URL ?? 'http://127.0.0.1:3000'
const ACCESS: Record<string, string> = process.env.API_KEY ? { authorization: `Bearer ${process.env.API_KEY}` } : {}

/** No more than are done well within a lease: what is given back has used up one of its leases. */
const EVENTS_AT_ONCE = 5
const LEASE_SECONDS = Number(process.env.LEASE_SECONDS ?? 30)
const LONG_POLL_SECONDS = 20

export interface FormulaEvent {
  id: string
  name: string
  createdAt: string
  /** Where its submission is seen in a trace, if it is. Link your span to it; docs/consumers.md shows how. */
  traceparent?: string
  receipt: string
  receiveCount: number
}

/** Receives events and has them worked on, one after the other, until told to stop. */
export async function consume(work: (event: FormulaEvent) => Promise<void>, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const wish = { max: EVENTS_AT_ONCE, waitSeconds: LONG_POLL_SECONDS, leaseSeconds: LEASE_SECONDS }
    const { events } = await persist<{ events: FormulaEvent[] }>('receive', wish, stop)
    const leased = new Set(events.map(({ receipt }) => receipt))
    const extending = setInterval(() => extend([...leased]), (LEASE_SECONDS * 1000) / 3)
    try {
      for (const event of events) {
        if (stop.aborted) await settle('nack', [event.receipt])
        else await workOn(event, work)
        leased.delete(event.receipt)
      }
    } finally {
      clearInterval(extending)
    }
  }
}

async function workOn(event: FormulaEvent, work: (event: FormulaEvent) => Promise<void>): Promise<void> {
  try {
    await work(event)
  } catch (error) {
    console.error(`event ${event.id}, lease ${event.receiveCount}:`, error)
    // Later each time. After its last lease it becomes a dead letter, so it holds up nobody.
    return settle('nack', [event.receipt], { delaySeconds: Math.min(3600, 2 ** event.receiveCount) })
  }
  // Only now: an ack before the work would lose the event if this process died in between.
  await settle('ack', [event.receipt])
}

/** Keeps what is leased while the work goes on. One that fails is no harm: the next comes well before the lease ends. */
async function extend(receipts: string[]): Promise<void> {
  if (receipts.length === 0) return
  await call('extend', { receipts, leaseSeconds: LEASE_SECONDS }).catch((error) => console.error(`extend: ${error}`))
}

async function settle(how: 'ack' | 'nack', receipts: string[], options = {}): Promise<void> {
  // Past the lease it is too late: another consumer has the event.
  const late = AbortSignal.timeout(LEASE_SECONDS * 1000)
  const { rejected } = await persist<{ rejected: unknown[] }>(how, { receipts, ...options }, late)
  // Its lease ended before the work did. The event comes again, and is known by its id then.
  if (rejected?.length) console.error(`${how} came too late`)
}

/** Asks again while the service is away or has no time. @returns nothing when it was told to stop before */
async function persist<T>(route: string, body: object, stop: AbortSignal): Promise<T> {
  for (let pause = 200; !stop.aborted; pause = Math.min(10_000, pause * 2)) {
    try {
      return (await call(route, body, stop)) as T
    } catch (error) {
      if (stop.aborted) break
      if (error instanceof Refused && !error.mayPass) throw error
      console.error(`${route}: ${error}`)
      const asked = error instanceof Refused ? error.retryAfterMs : 0
      await sleep(Math.max(asked, Math.random() * pause), undefined, { signal: stop }).catch(() => {})
    }
  }
  return { events: [], rejected: [] } as T
}

async function call(route: string, body: object, signal?: AbortSignal): Promise<unknown> {
  const headers = { ...ACCESS, 'content-type': 'application/json' }
  const limit = AbortSignal.any([AbortSignal.timeout(60_000), ...(signal ? [signal] : [])])
  const init = { method: 'POST', headers, body: JSON.stringify(body), signal: limit }
  const response = await fetch(`${SERVICE}/events/${route}`, init)
  if (response.ok) return response.json()
  throw new Refused(response, await response.text())
}

class Refused extends Error {
  /** Whether the same may have another answer later. It may not with a wrong API key, for instance. */
  readonly mayPass: boolean
  readonly retryAfterMs: number

  constructor({ status, headers }: Response, body: string) {
    super(`${status} ${body}`)
    this.mayPass = status >= 500 || status === 408 || status === 429
    this.retryAfterMs = (Number(headers.get('retry-after')) || 0) * 1000
  }
}

if (import.meta.main) {
  const labels = new DatabaseSync(process.argv[2] ?? 'labels.db')
  // The effect and the memory that it was had are one row: the same event a second time changes nothing.
  labels.exec('CREATE TABLE IF NOT EXISTS labels (formula_id TEXT PRIMARY KEY, text TEXT NOT NULL)')
  const print = labels.prepare('INSERT INTO labels VALUES (?, ?) ON CONFLICT DO NOTHING')
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())
  await consume(async ({ id, name }) => void print.run(id, name), stop.signal)
  labels.close()
}
