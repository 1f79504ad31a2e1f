/** An event as consumers see it. */
export interface ModelEvent {
  id: string
  name: string
  createdAt: string
}

interface DeadLetter extends ModelEvent {
  receiveCount: number
  diedAt: string
  reason: 'expired' | 'nacked'
  /** Numbers the deaths. */
  place: number
  /** Where its event is in the log. */
  position: number
}

interface Entry {
  event: ModelEvent
  /** Where it is in the log. */
  position: number
  /** Whether it has been handed out since it joined the line. */
  isOut: boolean
  receiveCount: number
  /** Its lease, or (without a receipt) its delay; null while it is ready. */
  waits: { receipt: string | null; until: number } | null
}

/** Events in the order in which they joined the line. */
export interface QueueModel {
  maxReceives: number
  entries: Entry[]
  /** How many events the log has. */
  head: number
  /** In order of death. */
  dead: DeadLetter[]
  deaths: number
  /** Every receipt that was ever given. */
  receipts: string[]
}

export function emptyQueue(maxReceives: number): QueueModel {
  return { maxReceives, entries: [], head: 0, dead: [], deaths: 0, receipts: [] }
}

/** New events join the back. */
export function join(queue: QueueModel, events: ModelEvent[]): void {
  for (const event of events) enter(queue, event, ++queue.head)
}

function enter(queue: QueueModel, { id, name, createdAt }: ModelEvent, position: number): void {
  queue.entries.push({ event: { id, name, createdAt }, position, isOut: false, receiveCount: 0, waits: null })
}

/** What is ready, in the order in which it is handed out: what came back, in the order of the log, then the line. */
function readyIn({ entries }: QueueModel): Entry[] {
  const ready = entries.filter(({ waits }) => waits === null)
  const back = ready.filter(({ isOut }) => isOut).sort((a, b) => a.position - b.position)
  return [...back, ...ready.filter(({ isOut }) => !isOut)]
}

/** Ends leases and delays that are over, in the order of their ends. */
export function moveDue(queue: QueueModel, now: number): void {
  const ended = queue.entries.filter(({ waits }) => waits !== null && waits.until <= now)
  const end = ({ waits }: Entry): number => waits?.until ?? 0
  for (const entry of ended.sort((a, b) => end(a) - end(b) || a.position - b.position)) {
    if (entry.waits?.receipt != null) endLease(queue, entry, 'expired', end(entry))
    entry.waits = null
  }
}

/** After its last lease an event is dead. @returns whether it is */
function endLease(queue: QueueModel, entry: Entry, reason: DeadLetter['reason'], at: number): boolean {
  const { event, position, receiveCount } = entry
  if (receiveCount < queue.maxReceives) return false
  queue.entries.splice(queue.entries.indexOf(entry), 1)
  queue.dead.push({
    ...event,
    receiveCount,
    diedAt: new Date(at).toISOString(),
    reason,
    place: queue.deaths++,
    position,
  })
  return true
}

export const isReady = ({ entries }: QueueModel): boolean => entries.some(({ waits }) => waits === null)

/** When the next lease or delay ends; null when there is none. */
export function nextDue(queue: QueueModel): number | null {
  const ends = queue.entries.flatMap(({ waits }) => waits?.until ?? [])
  return ends.length === 0 ? null : Math.min(...ends)
}

export interface Leased extends ModelEvent {
  receipt: string
  receiveCount: number
  leasedUntil: string
}

/** Leases the first `max` that are ready. @param receiptOf the receipt that the service gave to the event at an index */
export function receive(
  queue: QueueModel,
  now: number,
  max: number,
  leaseMs: number,
  receiptOf: (index: number) => string,
): Leased[] {
  const until = now + leaseMs
  return readyIn(queue)
    .slice(0, max)
    .map((entry, index) => {
      const receipt = receiptOf(index)
      entry.receiveCount++
      entry.isOut = true
      entry.waits = { receipt, until }
      queue.receipts.push(receipt)
      const leasedUntil = new Date(until).toISOString()
      return { ...entry.event, receipt, receiveCount: entry.receiveCount, leasedUntil }
    })
}

export interface Settled {
  settled: number
  rejected: { receipt: string; code: 'RECEIPT_STALE' }[]
}

function settle(queue: QueueModel, receipts: string[], use: (entry: Entry) => void): Settled {
  const rejected: Settled['rejected'] = []
  const distinct = new Set(receipts)
  for (const receipt of distinct) {
    const entry = queue.entries.find(({ waits }) => waits?.receipt === receipt)
    if (entry === undefined) rejected.push({ receipt, code: 'RECEIPT_STALE' })
    else use(entry)
  }
  return { settled: distinct.size - rejected.length, rejected }
}

export function ack(queue: QueueModel, receipts: string[]): Settled {
  return settle(queue, receipts, (entry) => queue.entries.splice(queue.entries.indexOf(entry), 1))
}

export function nack(queue: QueueModel, now: number, receipts: string[], delayMs: number): Settled {
  return settle(queue, receipts, (entry) => {
    if (endLease(queue, entry, 'nacked', now)) return
    entry.waits = delayMs > 0 ? { receipt: null, until: now + delayMs } : null
  })
}

export function extend(queue: QueueModel, receipts: string[], until: number): Settled {
  return settle(queue, receipts, ({ waits }) => {
    if (waits !== null) waits.until = until
  })
}

/** Ends leases as if they had not been. @returns how many */
export function endLeases(queue: QueueModel, ids: string[]): number {
  const leased = queue.entries.filter(({ event, waits }) => waits?.receipt != null && ids.includes(event.id))
  for (const entry of leased) {
    entry.waits = null
    entry.receiveCount--
  }
  return leased.length
}

/** Dead letters join the back, in the order of their deaths; all of them without `ids`. @returns how many */
export function redrive(queue: QueueModel, ids?: string[]): number {
  const chosen = queue.dead.filter(({ id }) => ids === undefined || ids.includes(id))
  queue.dead = queue.dead.filter((letter) => !chosen.includes(letter))
  for (const letter of chosen) enter(queue, letter, letter.position)
  return chosen.length
}

export function removeDead(queue: QueueModel, id: string): boolean {
  const before = queue.dead.length
  queue.dead = queue.dead.filter((letter) => letter.id !== id)
  return queue.dead.length < before
}

/** The live receipts. */
export const liveReceipts = ({ entries }: QueueModel): string[] => entries.flatMap(({ waits }) => waits?.receipt ?? [])

export function stats(queue: QueueModel, now: number): object {
  const { entries, dead } = queue
  const ready = readyIn(queue)
  const leased = entries.filter(({ waits }) => waits?.receipt != null).length
  const [front] = ready
  return {
    ready: ready.length,
    leased,
    delayed: entries.length - ready.length - leased,
    dead: dead.length,
    oldestReadyAgeSeconds: front === undefined ? null : (now - Date.parse(front.event.createdAt)) / 1000,
  }
}
