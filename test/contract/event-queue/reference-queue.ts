import type {
  DeadEvent,
  EventQueue,
  EventState,
  FormulaEvent,
  LogPlace,
  QueuedEvent,
  QueueStats,
  Settled,
  Subscription,
} from '../../../src/stores/ports.ts'

type Event = FormulaEvent & { seq: number }

interface Row {
  position: number
  at: number
  /** Null if it was erased. */
  event: Event | null
}

interface Delivery {
  position: number
  event: Event
  /** Whether it has a copy of its event, since its death: then it does not keep the event in the log. */
  isCopied: boolean
  state: 'leased' | 'delayed' | 'returned' | 'redriven' | 'dead'
  receives: number
  /** When the lease or the delay ends. */
  until: number
  receipt: string
  /** Numbers deaths and redrives. */
  number: number
  /** The head of the log at the redrive. */
  behind: number
  detail: string | null
  diedAt: number
  reason: DeadEvent['reason']
}

const byEnd = (a: Delivery, b: Delivery): number => a.until - b.until || a.position - b.position

interface Reader {
  createdAt: number
  paused: boolean
  position: number
  deliveries: Delivery[]
}

/** Reads a list of events to its end, `limit` a page. */
export async function allEvents(queue: EventQueue, name: string, state: EventState, limit: number) {
  const all: QueuedEvent[] = []
  for (let page = await queue.events(name, state, limit); ; page = await queue.events(name, state, limit, page.next)) {
    all.push(...page.items)
    if (page.next === null) return all
  }
}

/** The reference for engines: plain lists, written from the port. Callers name only existing subscriptions. */
export class ReferenceQueue {
  readonly readers = new Map<string, Reader>()
  readonly receipts: string[] = []
  readonly #maxReceives: number
  #log: Row[] = []
  #head = 0
  #numbers = 0

  constructor(maxReceives: number) {
    this.#maxReceives = maxReceives
    this.readers.set('default', { createdAt: 0, paused: false, position: 0, deliveries: [] })
  }

  release(events: Event[]): void {
    for (const event of events) this.#log.push({ position: ++this.#head, at: event.createdAt, event })
  }

  /** Ends leases and delays, in the order of their ends. */
  moveDue(now: number): void {
    for (const { deliveries } of this.readers.values()) {
      const ended = deliveries.filter(({ state, until }) => (state === 'leased' || state === 'delayed') && until <= now)
      for (const one of ended.sort(byEnd)) {
        if (one.state === 'leased' && one.receives >= this.#maxReceives) this.#die(one, one.until, 'expired')
        else one.state = 'returned'
      }
    }
  }

  #die(one: Delivery, diedAt: number, reason: DeadEvent['reason']): void {
    Object.assign(one, { state: 'dead', isCopied: true, diedAt, reason, number: ++this.#numbers })
  }

  subscribe(name: string, from: LogPlace, now: number): 'made' | 'there' {
    if (this.readers.has(name)) return 'there'
    this.readers.set(name, { createdAt: now, paused: false, position: this.#positionOf(from), deliveries: [] })
    return 'made'
  }

  unsubscribe(name: string): boolean {
    return name !== 'default' && this.readers.delete(name)
  }

  seek(name: string, to: LogPlace): void {
    const reader = this.#reader(name)
    const position = this.#positionOf(to)
    const kept = reader.deliveries.filter((one) => one.state === 'dead' && one.position <= position)
    Object.assign(reader, { position, deliveries: kept })
  }

  #positionOf(place: LogPlace): number {
    if (place === 'end') return this.#head
    const first = this.#log.find(({ at }) => place === 'start' || at >= place)
    return first === undefined ? this.#head : first.position - 1
  }

  /** The ready events of a subscription, in delivery order. */
  #ready({ position, deliveries }: Reader): (Row | Delivery)[] {
    const returned = deliveries.filter(({ state }) => state === 'returned').sort((a, b) => a.position - b.position)
    const rows = this.#log.filter((row) => row.position > position && row.event !== null)
    const redriven = deliveries.filter(({ state }) => state === 'redriven').sort((a, b) => a.number - b.number)
    const line: (Row | Delivery)[] = []
    for (const one of redriven) {
      while (rows[0] !== undefined && rows[0].position <= one.behind) line.push(rows.shift() as Row)
      line.push(one)
    }
    return [...returned, ...line, ...rows]
  }

  /** @param receipts those that the engine issued, in its order */
  receive(name: string, max: number, until: number, receipts: string[]) {
    const reader = this.#reader(name)
    if (reader.paused) return []
    const taken = this.#ready(reader).slice(0, max)
    const events = taken.map((one, index) => {
      const receipt = receipts[index] ?? 'none'
      this.receipts.push(receipt)
      const delivery = 'state' in one ? one : this.#takeOut(reader, one)
      Object.assign(delivery, { state: 'leased', receives: delivery.receives + 1, until, receipt })
      return { ...delivery.event, receipt, receiveCount: delivery.receives, leasedUntil: until }
    })
    // Reading to the end skips erased events.
    if (taken.length < max) reader.position = Math.max(reader.position, this.#log.at(-1)?.position ?? 0)
    return events
  }

  #takeOut(reader: Reader, { position, event }: Row): Delivery {
    const none = { isCopied: false, receives: 0, until: 0, receipt: '', number: 0, behind: 0, detail: null, diedAt: 0 }
    const delivery: Delivery = { position, event: event as Event, state: 'leased', reason: 'expired', ...none }
    reader.position = position
    reader.deliveries.push(delivery)
    return delivery
  }

  #settle(receipts: string[], use: (one: Delivery, reader: Reader) => void): Settled {
    const distinct = [...new Set(receipts)]
    const stale = distinct.filter((receipt) => {
      for (const reader of this.readers.values()) {
        const one = reader.deliveries.find(({ state, receipt: own }) => state === 'leased' && own === receipt)
        if (one === undefined) continue
        use(one, reader)
        return false
      }
      return true
    })
    return { accepted: distinct.length - stale.length, stale }
  }

  ack(receipts: string[]): Settled {
    return this.#settle(receipts, (one, reader) => reader.deliveries.splice(reader.deliveries.indexOf(one), 1))
  }

  nack(receipts: string[], now: number, delayMs: number, detail: string | null): Settled {
    return this.#settle(receipts, (one) => {
      one.detail = detail
      if (one.receives >= this.#maxReceives) this.#die(one, now, 'nacked')
      else Object.assign(one, { state: delayMs > 0 ? 'delayed' : 'returned', until: now + delayMs })
    })
  }

  putBack(receipts: string[]): Settled {
    return this.#settle(receipts, (one) => Object.assign(one, { state: 'returned', receives: one.receives - 1 }))
  }

  extend(receipts: string[], until: number): Settled {
    return this.#settle(receipts, (one) => Object.assign(one, { until }))
  }

  endLeases(name: string, ids: string[]): number {
    const ended = this.#reader(name).deliveries.filter(
      ({ state, event }) => state === 'leased' && ids.includes(event.id),
    )
    for (const one of ended) Object.assign(one, { state: 'returned', receives: one.receives - 1 })
    return ended.length
  }

  redrive(name: string, ids?: string[]): number {
    const chosen = this.#dead(name).filter(({ event }) => ids?.includes(event.id) ?? true)
    for (const one of chosen) {
      Object.assign(one, { state: 'redriven', receives: 0, detail: null, behind: this.#head, number: ++this.#numbers })
    }
    return chosen.length
  }

  removeDead(name: string, id: string): boolean {
    const reader = this.#reader(name)
    const kept = reader.deliveries.filter(({ state, event }) => state !== 'dead' || event.id !== id)
    const isGone = kept.length < reader.deliveries.length
    reader.deliveries = kept
    return isGone
  }

  trim(olderThan: number, limit: number): number {
    const passed = Math.min(...[...this.readers.values()].map(({ position }) => position))
    const busy = [...this.readers.values()].flatMap(({ deliveries }) =>
      deliveries.filter(({ isCopied }) => !isCopied).map(({ position }) => position),
    )
    const end = this.#log.findIndex(
      ({ position, at }) => at >= olderThan || position > passed || busy.includes(position),
    )
    return this.#log.splice(0, Math.min(limit, end < 0 ? this.#log.length : end)).length
  }

  erase(id: string, seq: number): void {
    const isIt = (event: Event | null): boolean => event?.id === id && event.seq === seq
    for (const row of this.#log) if (isIt(row.event)) row.event = null
    for (const reader of this.readers.values())
      reader.deliveries = reader.deliveries.filter(({ event }) => !isIt(event))
  }

  dead(name: string): DeadEvent[] {
    const letters = this.#dead(name).toReversed()
    return letters.map(({ event, receives, diedAt, reason, detail }) => {
      return { ...event, receiveCount: receives, diedAt, reason, detail }
    })
  }

  #dead(name: string): Delivery[] {
    const { deliveries } = this.#reader(name)
    return deliveries.filter(({ state }) => state === 'dead').sort((a, b) => a.number - b.number)
  }

  events(name: string, state: EventState): QueuedEvent[] {
    const reader = this.#reader(name)
    const isReady = state === 'ready'
    const line = isReady ? this.#ready(reader) : reader.deliveries.filter((one) => one.state === state).sort(byEnd)
    return line.map((one) => {
      const { receives, until } = 'state' in one ? one : { receives: 0, until: 0 }
      return { ...(one.event as Event), receiveCount: receives, dueAt: isReady ? null : until }
    })
  }

  /** The subscriptions by name, each with the state of an event. */
  deliveries(id: string, seq: number): [name: string, state: string][] {
    const isIt = ({ event }: Row | Delivery): boolean => event?.id === id && event.seq === seq
    const position = this.#log.find(isIt)?.position ?? 0
    const list = [...this.readers].map(([name, reader]): [string, string] => {
      const state = reader.deliveries.find(isIt)?.state ?? (position > reader.position ? 'ready' : 'done')
      return [name, state === 'returned' || state === 'redriven' ? 'ready' : state]
    })
    return list.sort(([a], [b]) => (a < b ? -1 : 1))
  }

  subscriptions(now: number): Subscription[] {
    const list = [...this.readers].map(([name, { createdAt, paused }]) => {
      return { name, createdAt, paused, ...this.#stats(name, now) }
    })
    return list.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #stats(name: string, now: number): QueueStats {
    const reader = this.#reader(name)
    const ready = this.#ready(reader)
    const count = (wanted: Delivery['state']): number =>
      reader.deliveries.filter(({ state }) => state === wanted).length
    const oldest = ready[0]?.event?.createdAt
    const oldestReadyAgeSeconds = oldest === undefined ? null : (now - oldest) / 1000
    return {
      ready: ready.length,
      leased: count('leased'),
      delayed: count('delayed'),
      dead: count('dead'),
      oldestReadyAgeSeconds,
    }
  }

  #reader(name: string): Reader {
    return this.readers.get(name) as Reader
  }
}
