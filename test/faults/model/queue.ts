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

/** The reference queue with its default subscription as HTTP shows it. */
export class ModelQueue extends ReferenceQueue {
  #seq = 0

  append(formulas: AddedFormula[]): void {
    const events = formulas.map(({ id, name, createdAt }) => {
      return { id, seq: ++this.#seq, createdAt: Date.parse(createdAt), body: eventBody(name) }
    })
    this.release(events)
  }

  get #deliveries() {
    return this.readers.get(DEFAULT)?.deliveries ?? []
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
  lease(max: number, until: number, receipts: string[]): object[] {
    return this.receive(DEFAULT, max, until, receipts).map(({ receipt, receiveCount, ...event }) => {
      return { ...toMessage(event), receipt, receiveCount, leasedUntil: isoTime(until) }
    })
  }

  /** Dead letters, oldest first; `place` numbers the deaths. */
  get deadLetters() {
    const dead = this.#deliveries.filter(({ state }) => state === 'dead').sort((a, b) => a.number - b.number)
    return dead.map(({ event, receives: receiveCount, diedAt, reason, number: place }) => {
      return { place, letter: { ...toMessage(event), receiveCount, diedAt: isoTime(diedAt), reason } }
    })
  }

  stats(now: number) {
    const [subscription] = this.subscriptions(now)
    if (subscription === undefined) throw new Error('There is no default subscription')
    const { ready, leased, delayed, dead, oldestReadyAgeSeconds } = subscription
    return { ready, leased, delayed, dead, oldestReadyAgeSeconds }
  }
}
