import { randomBytes } from 'node:crypto'
import { isoTime } from '../../kit/clock.ts'
import type {
  DeadEvent,
  EngineOptions,
  EventQueue,
  FormulaEvent,
  LeasedEvent,
  Page,
  QueueStats,
  Received,
  Settled,
} from '../ports.ts'
import { traced } from '../traced.ts'
import { DeadLetters } from './dead-letters.ts'
import { Marks } from './marks.ts'
import { SortedMap } from './sorted-map.ts'

const RECEIPT_BYTES = 16

/** An event on its way; it keeps its position through every lease, so that it comes back to the front. */
interface Entry {
  position: number
  event: FormulaEvent
  receiveCount: number
}

/** An entry nobody can receive until `dueAt`; `receipt` is null when it is delayed rather than leased. */
interface Waiting {
  entry: Entry
  receipt: string | null
  dueAt: number
}

type DueKey = [dueAt: number, position: number]
type Mark = 'released' | 'removed'

/** The event queue in memory. Every operation first moves what is due, then does its work in one go. */
export class MemoryEventQueue implements EventQueue {
  readonly #options: Pick<EngineOptions, 'clock' | 'maxReceives'>
  readonly #ready = new SortedMap<number, Entry>()
  readonly #waiting = new SortedMap<DueKey, Waiting>(undefined, (a, b) => a[0] - b[0] || a[1] - b[1])
  readonly #leases = new Map<string, Waiting>()
  readonly #dead = new DeadLetters()
  readonly #held = new Map<string, FormulaEvent[]>()
  readonly #marks = new Marks<Mark>()
  readonly #listeners = new Set<() => void>()
  #lastPosition = 0
  #lastLease = 0

  constructor(options: Pick<EngineOptions, 'clock' | 'maxReceives'>) {
    this.#options = options
  }

  async identity(): Promise<string> {
    return 'memory'
  }

  async publish(attemptId: string, events: FormulaEvent[]): Promise<boolean> {
    const mark = this.#marks.get(attemptId)
    if (mark === undefined && !this.#held.has(attemptId)) this.#held.set(attemptId, events)
    return mark !== 'removed'
  }

  async release(attemptId: string, events: FormulaEvent[]): Promise<void> {
    const now = this.#moveDue()
    if (this.#marks.get(attemptId) !== undefined) return
    const held = this.#held.get(attemptId) ?? events
    this.#held.delete(attemptId)
    this.#marks.add(attemptId, 'released', now)
    this.append(held)
  }

  async remove(attemptId: string): Promise<void> {
    this.#held.delete(attemptId)
    this.#marks.add(attemptId, 'removed', this.#options.clock.now())
  }

  async sweep(olderThan: number, limit: number): Promise<number> {
    return this.#marks.sweep(olderThan, limit)
  }

  async receive(max: number, leaseMs: number): Promise<Received> {
    const dueAt = this.#moveDue() + leaseMs
    const events: LeasedEvent[] = []
    while (events.length < max) {
      const position = this.#ready.minKey()
      const entry = position === undefined ? undefined : this.#ready.take(position)
      if (entry === undefined) break
      events.push(this.#lease(entry, dueAt))
    }
    return { events, nextDueAt: this.#waiting.minKey()?.[0] ?? null }
  }

  async ack(receipts: string[]): Promise<Settled> {
    this.#moveDue()
    return this.#settle(receipts, (lease) => this.#stopWaiting(lease))
  }

  async nack(receipts: string[], delayMs: number): Promise<Settled> {
    const now = this.#moveDue()
    const readyBefore = this.#ready.size
    const settled = this.#settle(receipts, (lease) => {
      this.#stopWaiting(lease)
      if (this.#isSpent(lease.entry)) this.#bury(lease.entry, 'nacked', now)
      else if (delayMs > 0) this.#wait({ entry: lease.entry, receipt: null, dueAt: now + delayMs })
      else this.#ready.set(lease.entry.position, lease.entry)
    })
    if (this.#ready.size > readyBefore) this.#announce()
    return settled
  }

  async putBack(receipts: string[]): Promise<Settled> {
    this.#moveDue()
    const settled = this.#settle(receipts, (lease) => this.#undoLease(lease))
    if (settled.accepted > 0) this.#announce()
    return settled
  }

  async endLeases(ids: string[]): Promise<number> {
    this.#moveDue()
    const wanted = new Set(ids)
    const ended = [...this.#leases.values()].filter(({ entry }) => wanted.has(entry.event.id))
    for (const lease of ended) this.#undoLease(lease)
    if (ended.length > 0) this.#announce()
    return ended.length
  }

  async extend(receipts: string[], leaseMs: number): Promise<Settled & { leasedUntil: number | null }> {
    const dueAt = this.#moveDue() + leaseMs
    const settled = this.#settle(receipts, (lease) => {
      this.#stopWaiting(lease)
      this.#wait({ ...lease, dueAt })
    })
    return { ...settled, leasedUntil: settled.accepted > 0 ? dueAt : null }
  }

  async stats(): Promise<QueueStats> {
    const now = this.#moveDue()
    const oldest = this.#ready.get(this.#ready.minKey() ?? 0)
    return {
      ready: this.#ready.size,
      leased: this.#leases.size,
      delayed: this.#waiting.size - this.#leases.size,
      dead: this.#dead.size,
      oldestReadyAgeSeconds: oldest ? Math.max(0, now - Date.parse(oldest.event.createdAt)) / 1000 : null,
    }
  }

  async dead(limit: number, before?: number): Promise<Page<DeadEvent>> {
    this.#moveDue()
    return this.#dead.page(limit, before)
  }

  async redrive(ids?: string[]): Promise<number> {
    this.#moveDue()
    const letters = this.#dead.takeAll(ids)
    this.append(
      letters.map(({ id, name, createdAt, traceparent }) => ({ id, name, createdAt, ...traced(traceparent) })),
    )
    return letters.length
  }

  async removeDead(id: string): Promise<boolean> {
    this.#moveDue()
    return this.#dead.takeAll([id]).length > 0
  }

  onReady(listener: () => void): () => void {
    const own = () => listener()
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  async probe(): Promise<void> {}

  /** Puts events at the back, ready to be received. */
  append(events: FormulaEvent[]): void {
    for (const event of events) {
      const position = ++this.#lastPosition
      this.#ready.set(position, { position, event, receiveCount: 0 })
    }
    if (events.length > 0) this.#announce()
  }

  #announce(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Ends leases and delays that are over. @returns now, in milliseconds since the epoch */
  #moveDue(): number {
    const now = this.#options.clock.now()
    for (let next = this.#waiting.minKey(); next !== undefined && next[0] <= now; next = this.#waiting.minKey()) {
      const { entry, receipt, dueAt } = this.#waiting.get(next) as Waiting
      this.#stopWaiting({ entry, receipt, dueAt })
      if (receipt !== null && this.#isSpent(entry)) this.#bury(entry, 'expired', dueAt)
      else this.#ready.set(entry.position, entry)
    }
    return now
  }

  #lease(entry: Entry, dueAt: number): LeasedEvent {
    const receipt = `${++this.#lastLease}-${randomBytes(RECEIPT_BYTES).toString('base64url')}`
    entry.receiveCount++
    this.#wait({ entry, receipt, dueAt })
    return { ...entry.event, receipt, receiveCount: entry.receiveCount, leasedUntil: isoTime(dueAt) }
  }

  /** Gives an event back to the front as if it had not been leased. */
  #undoLease(lease: Waiting): void {
    this.#stopWaiting(lease)
    lease.entry.receiveCount--
    this.#ready.set(lease.entry.position, lease.entry)
  }

  #wait(waiting: Waiting): void {
    this.#waiting.set([waiting.dueAt, waiting.entry.position], waiting)
    if (waiting.receipt !== null) this.#leases.set(waiting.receipt, waiting)
  }

  #stopWaiting({ entry, receipt, dueAt }: Waiting): void {
    this.#waiting.delete([dueAt, entry.position])
    if (receipt !== null) this.#leases.delete(receipt)
  }

  /** Handles each receipt that still holds its lease, one after another. */
  #settle(receipts: string[], handle: (lease: Waiting) => void): Settled {
    const distinct = new Set(receipts)
    const stale: string[] = []
    for (const receipt of distinct) {
      const lease = this.#leases.get(receipt)
      if (lease === undefined) stale.push(receipt)
      else handle(lease)
    }
    return { accepted: distinct.size - stale.length, stale }
  }

  #isSpent(entry: Entry): boolean {
    return entry.receiveCount >= this.#options.maxReceives
  }

  #bury({ event, receiveCount }: Entry, reason: DeadEvent['reason'], at: number): void {
    this.#dead.add({ ...event, receiveCount, diedAt: isoTime(at), reason })
  }
}
