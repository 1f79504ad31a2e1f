/**
 * Processes events: this one stores a label for each new formula in a small database. Start as many as you like:
 *
 *   node examples/worker.ts labels.db
 *
 * Reads SERVICE_URL, API_KEY and LEASE_SECONDS from the environment. On SIGTERM it finishes the current event, returns the
 * others and exits with 0.
 */
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

const SERVICE = process.env.SERVICE_URL ?? 'http://127.0.0.1:3000'
const ACCESS: Record<string, string> = process.env.API_KEY ? { authorization: `Bearer ${process.env.API_KEY}` } : {}

/** Few enough to finish well within a lease: a returned event has used up one of its leases. */
const EVENTS_AT_ONCE = 5
const LEASE_SECONDS = Number(process.env.LEASE_SECONDS ?? 30)
const LONG_POLL_SECONDS = 20

export interface FormulaEvent {
  id: string
  name: string
  createdAt: string
  /** The trace of its submission, if there is one. Link your span to it; docs/consumers.md shows how. */
  traceparent?: string
  receipt: string
  receiveCount: number
}

/** Receives events and processes them one after the other, until `stop` is aborted. */
export async function consume(work: (event: FormulaEvent) => Promise<void>, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const request = { max: EVENTS_AT_ONCE, waitSeconds: LONG_POLL_SECONDS, leaseSeconds: LEASE_SECONDS }
    const { events } = await retry<{ events: FormulaEvent[] }>('receive', request, stop)
    const leased = new Set(events.map(({ receipt }) => receipt))
    const extending = setInterval(() => extend([...leased]), (LEASE_SECONDS * 1000) / 3)
    try {
      for (const event of events) {
        if (stop.aborted) await settle('nack', [event.receipt])
        else await processEvent(event, work)
        leased.delete(event.receipt)
      }
    } finally {
      clearInterval(extending)
    }
  }
}

async function processEvent(event: FormulaEvent, work: (event: FormulaEvent) => Promise<void>): Promise<void> {
  try {
    await work(event)
  } catch (error) {
    console.error(`event ${event.id}, lease ${event.receiveCount}:`, error)
    // The delay grows each time. After the last lease the event becomes a dead letter, so it does not block others.
    return settle('nack', [event.receipt], { delaySeconds: Math.min(3600, 2 ** event.receiveCount) })
  }
  // An ack before the work would lose the event if this process died in between.
  await settle('ack', [event.receipt])
}

/** Extends the leases during the work. A failure is harmless: the next call comes well before the leases end. */
async function extend(receipts: string[]): Promise<void> {
  if (receipts.length === 0) return
  await call('extend', { receipts, leaseSeconds: LEASE_SECONDS }).catch((error) => console.error(`extend: ${error}`))
}

async function settle(how: 'ack' | 'nack', receipts: string[], options = {}): Promise<void> {
  // After the lease another consumer may have the event.
  const late = AbortSignal.timeout(LEASE_SECONDS * 1000)
  const { rejected } = await retry<{ rejected: unknown[] }>(how, { receipts, ...options }, late)
  // The lease ended before the work did. The event will come again, with the same id.
  if (rejected?.length) console.error(`${how} came too late`)
}

/** Repeats a call while the service is down or overloaded. @returns empty lists when stopped before it succeeds */
async function retry<T>(route: string, body: object, stop: AbortSignal): Promise<T> {
  for (let pause = 200; !stop.aborted; pause = Math.min(10_000, pause * 2)) {
    try {
      return (await call(route, body, stop)) as T
    } catch (error) {
      if (stop.aborted) break
      if (error instanceof Refused && !error.isTransient) throw error
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
  /** Whether the same request may succeed later; not with a wrong API key, for instance. */
  readonly isTransient: boolean
  readonly retryAfterMs: number

  constructor({ status, headers }: Response, body: string) {
    super(`${status} ${body}`)
    this.isTransient = status >= 500 || status === 408 || status === 429
    this.retryAfterMs = (Number(headers.get('retry-after')) || 0) * 1000
  }
}

if (import.meta.main) {
  const labels = new DatabaseSync(process.argv[2] ?? 'labels.db')
  // The row is both the effect and the record that it happened: the same event a second time changes nothing.
  labels.exec('CREATE TABLE IF NOT EXISTS labels (formula_id TEXT PRIMARY KEY, text TEXT NOT NULL)')
  const print = labels.prepare('INSERT INTO labels VALUES (?, ?) ON CONFLICT DO NOTHING')
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())
  await consume(async ({ id, name }) => void print.run(id, name), stop.signal)
  labels.close()
}
