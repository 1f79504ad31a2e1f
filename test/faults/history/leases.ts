import type { Report } from './submissions.ts'

export interface EventBody {
  id: string
  name: string
  createdAt: string
}

interface Leased extends EventBody {
  receipt: string
  receiveCount: number
  leasedUntil: string
}

export type Verb = 'ack' | 'nack' | 'extend'

/** An ack, nack or extend of one receipt. Moments are ticks of the history; `At` ends times in milliseconds. */
interface Settlement {
  verb: Verb
  sent: number
  sentAt: number
  /** The latest possible end of the lease when this was sent. */
  latestEnd: number
  /** Null if the outcome is unknown. */
  answer: { at: number; accepted: boolean } | null
}

/** Receives the outcome of an ack, nack or extend. */
export interface Settling {
  answered(tick: number, answeredAt: number, rejected: Set<string>, report: Report): void
  /** For extend: another possible end of the leases. */
  mayEnd(at: number): void
}

export interface Lease extends EventBody {
  receipt: string
  receiveCount: number
  /** When the receive was sent and answered. */
  sent: number
  got: number
  gotAt: number
  /** When it ends at the latest, counting extensions of unknown outcome, in milliseconds. */
  ends: number[]
  settlements: Settlement[]
  /** False if the answer may not be durable; see ClientHistory.asOf. */
  certain: boolean
}

/** All leased events of a subscription, and the acks, nacks and extends of its consumers. */
export class Leases {
  readonly subscription: string
  readonly maxReceives: number
  readonly #byReceipt = new Map<string, Lease>()
  readonly #byId = new Map<string, Lease[]>()
  /** When events may have been redriven, which resets their receiveCount. */
  readonly #redriven: number[] = []
  /** Events that are certainly gone. */
  readonly #gone = new Set<string>()

  constructor(subscription: string, maxReceives: number) {
    this.subscription = subscription
    this.maxReceives = maxReceives
  }

  all(): Lease[] {
    return [...this.#byReceipt.values()]
  }

  has = (receipt: string): boolean => this.#byReceipt.has(receipt)

  redrive(tick: number): void {
    this.#redriven.push(tick)
  }

  receive(sent: number, got: number, gotAt: number, events: Leased[], report: Report): Lease[] {
    return events.map(({ leasedUntil, ...event }) => {
      const ends = [Date.parse(leasedUntil)]
      const lease: Lease = { ...event, sent, got, gotAt, ends, settlements: [], certain: true }
      this.#checkNew(lease, report)
      this.#keep(lease)
      return lease
    })
  }

  #keep(lease: Lease): void {
    this.#byReceipt.set(lease.receipt, lease)
    this.#byId.set(lease.id, [...(this.#byId.get(lease.id) ?? []), lease])
  }

  #checkNew(lease: Lease, report: Report): void {
    const say = (what: string): void => report(`event of ${lease.name}: ${what}`)
    if (this.#byReceipt.has(lease.receipt)) say('leased with a receipt that was given before')
    if (this.#gone.has(lease.id)) say('came again after it was gone')
    if (lease.receiveCount > this.maxReceives) say(`leased ${lease.receiveCount} times`)
    for (const earlier of this.#byId.get(lease.id) ?? []) {
      if (!earlier.certain) continue
      const acked = acceptedAck(earlier)
      if (acked !== null && acked <= lease.sent) say('came again after its ack')
      const isRedriven = this.#redriven.some((tick) => tick >= Math.min(earlier.sent, lease.sent) && tick <= lease.got)
      if (ordersOf(earlier, lease, isRedriven).every(([first, second]) => isLeasedAlong(first, second))) {
        const [ends, numbers] = [[earlier, lease].map(({ ends }) => ends), [earlier.receiveCount, lease.receiveCount]]
        say(`leased to two at a time: ${JSON.stringify({ numbers, ends, gotAt: [earlier.gotAt, lease.gotAt] })}`)
      }
      if (isRedriven) continue
      if (earlier.receiveCount === lease.receiveCount) say(`two leases are both its number ${lease.receiveCount}`)
      if (earlier.got < lease.sent && earlier.receiveCount > lease.receiveCount) say('its receiveCount went back')
    }
  }

  /** Records that receipts are being settled. */
  settle(verb: Verb, sent: number, sentAt: number, receipts: string[]): Settling {
    const settlements = receipts.map((receipt) => {
      const lease = this.#byReceipt.get(receipt)
      const latestEnd = Math.max(...(lease?.ends ?? []))
      const settlement: Settlement = { verb, sent, sentAt, latestEnd, answer: null }
      lease?.settlements.push(settlement)
      return { receipt, lease, settlement }
    })
    return {
      answered(at, answeredAt, rejected, report) {
        for (const { receipt, lease, settlement } of settlements) {
          const accepted = !rejected.has(receipt)
          settlement.answer = { at, accepted }
          if (lease !== undefined) checkSettled(lease, settlement, answeredAt, report)
          else if (accepted) report(`${verb} of a receipt that nobody was given was accepted`)
        }
      },
      mayEnd(at) {
        for (const { lease } of settlements) lease?.ends.push(at)
      },
    }
  }

  /** Whether the event was acked: certainly, perhaps (an ack of unknown outcome), or not. */
  ackOf(id: string): 'acked' | 'unknown' | 'none' {
    if (this.#gone.has(id)) return 'acked'
    const leases = this.#byId.get(id) ?? []
    if (leases.some((lease) => acceptedAck(lease) !== null)) return 'acked'
    const unknown = leases.some(({ settlements }) => settlements.some(({ verb, answer }) => verb === 'ack' && !answer))
    return unknown ? 'unknown' : 'none'
  }

  /** Whether this is the first known lease of the event. */
  isFirst({ id, receipt, receiveCount }: Lease): boolean {
    return receiveCount === 1 && this.#byId.get(id)?.[0]?.receipt === receipt
  }

  /** From now on the event must not be received again. */
  isGone(id: string): void {
    this.#gone.add(id)
  }

  asOf(answered: number, sent: number): Leases {
    const copy = new Leases(this.subscription, this.maxReceives)
    copy.#redriven.push(...this.#redriven.filter((tick) => tick <= sent))
    for (const lease of this.all().filter((one) => one.sent <= sent)) {
      const settlements = lease.settlements
        .filter((one) => one.sent <= sent)
        .map((one) => ({ ...one, answer: one.answer !== null && one.answer.at <= answered ? one.answer : null }))
      copy.#keep({ ...lease, settlements, ends: [...lease.ends], certain: lease.certain && lease.got <= answered })
    }
    return copy
  }
}

/** In which orders two leases may have begun: answers may cross, and then the numbers tell, unless these began anew. */
function ordersOf(earlier: Lease, lease: Lease, isRedriven: boolean): [first: Lease, second: Lease][] {
  type Order = [first: Lease, second: Lease]
  const [asAnswered, crossed]: [Order, Order] = [
    [earlier, lease],
    [lease, earlier],
  ]
  if (lease.sent >= earlier.got) return [asAnswered]
  if (isRedriven) return [asAnswered, crossed]
  return [lease.receiveCount < earlier.receiveCount ? crossed : asAnswered]
}

/** Whether the second began before the first can have ended, by a nack or by expiry. */
function isLeasedAlong(first: Lease, second: Lease): boolean {
  const nacked = first.settlements.some(({ verb, sent }) => verb === 'nack' && sent < second.got)
  return !nacked && second.gotAt < Math.min(...first.ends)
}

const acceptedAck = ({ settlements }: Lease): number | null =>
  settlements.find(({ verb, answer }) => verb === 'ack' && answer?.accepted)?.answer?.at ?? null

function checkSettled(lease: Lease, own: Settlement, answeredAt: number, report: Report): void {
  const say = (what: string): void => report(`event of ${lease.name}: its ${own.verb} was ${what}`)
  const ending = lease.settlements.filter((one) => one !== own && one.verb !== 'extend')
  if (own.answer?.accepted) {
    if (own.sentAt > (own.verb === 'extend' ? own.latestEnd : Math.max(...lease.ends)))
      say('accepted after the lease had ended')
    const ended = ending.some(({ answer }) => answer?.accepted && answer.at < own.sent)
    if (ended) say('accepted after another ack or nack')
    if (own.verb === 'ack' && ending.some(({ verb, answer }) => verb === 'ack' && answer?.accepted)) {
      say('accepted twice')
    }
  } else if (lease.certain && ending.length === 0 && answeredAt < Math.min(...lease.ends)) {
    say(
      `refused while the lease was live: ${JSON.stringify({ gotAt: lease.gotAt, sentAt: own.sentAt, answeredAt, ends: lease.ends })}`,
    )
  }
}
