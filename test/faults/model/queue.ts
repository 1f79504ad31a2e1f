import { isoTime } from '../../../src/kit/clock.ts'
import { toMessage } from '../../../src/outbox/message.ts'
import { ReferenceQueue } from '../../contract/event-queue/reference-queue.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import { eventBody } from '../../contract/submissions.ts'

interface AddedFormula {
  id: string
  name: string
  createdAt: string
}

/** The subscriptions of a model. */
export const SUBSCRIPTIONS = [DEFAULT, 'erp'] as const
export type SubscriptionName = (typeof SUBSCRIPTIONS)[number]

/** The reference queue as HTTP shows it. */
export class ModelQueue extends ReferenceQueue {
  #seq = 0

  append(formulas: AddedFormula[]): void {
    const events = formulas.map(({ id, name, createdAt }) => {
      return { id, seq: ++this.#seq, createdAt: Date.parse(createdAt), body: eventBody(name) }
    })
    this.release(events)
  }

  get #deliveries() {
    return [...this.readers.values()].flatMap(({ deliveries }) => deliveries)
  }

  get liveReceipts(): string[] {
    return this.#deliveries.flatMap(({ state, receipt }) => (state === 'leased' ? receipt : []))
  }

  /** When the next lease or delay ends; null when there is none. */
  get nextDue(): number | null {
    const waiting = this.#deliveries.filter(({ state }) => state === 'leased' || state === 'delayed')
    return waiting.length === 0 ? null : Math.min(...waiting.map(({ until }) => until))
  }

  /** @param receipts of the service's answer, in its order */
  lease(name: SubscriptionName, max: number, until: number, receipts: string[]): object[] {
    return this.receive(name, max, until, receipts).map(({ receipt, receiveCount, ...event }) => {
      return { ...toMessage(event), receipt, receiveCount, leasedUntil: isoTime(until) }
    })
  }

  /** Whether an event can be leased. */
  isReady(name: SubscriptionName, now: number): boolean {
    return !this.#shown(name, now).paused && this.stats(name, now).ready > 0
  }

  /** Dead letters, oldest first; `place` numbers the deaths. */
  deadLetters(name: SubscriptionName) {
    const all = this.readers.get(name)?.deliveries ?? []
    const dead = all.filter(({ state }) => state === 'dead').sort((a, b) => a.number - b.number)
    return dead.map(({ event, receives: receiveCount, diedAt, reason, detail, number: place }) => {
      return { place, letter: { ...toMessage(event), receiveCount, diedAt: isoTime(diedAt), reason, detail } }
    })
  }

  stats(name: SubscriptionName, now: number) {
    const { ready, leased, delayed, dead, oldestReadyAgeSeconds } = this.#shown(name, now)
    return { ready, leased, delayed, dead, oldestReadyAgeSeconds }
  }

  #shown(name: SubscriptionName, now: number) {
    const found = this.subscriptions(now).find((one) => one.name === name)
    if (found === undefined) throw new Error(`There is no subscription ${name}`)
    return found
  }
}
