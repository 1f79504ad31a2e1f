import assert from 'node:assert/strict'
import { type Clock, isoTime } from '../../../src/kit/clock.ts'
import { toMessage } from '../../../src/outbox/message.ts'
import type { EventQueue, Intake, LeasedEvent, Stores } from '../../../src/stores/ports.ts'
import * as queueModel from './model-queue.ts'

/** Compares each effect on a queue with the model, in the order in which they take place. */
export class QueueRecord {
  readonly stores: Stores
  /** Ids of the events whose ack was accepted. */
  readonly acked: string[] = []
  readonly #model: queueModel.QueueModel
  readonly #clock: Clock
  /** Attempts and submissions whose events are in the queue. */
  readonly #joined = new Set<string>()

  constructor(stores: Stores, clock: Clock, maxReceives: number) {
    this.#model = queueModel.emptyQueue(maxReceives)
    this.#clock = clock
    const { queue, intake } = stores
    this.stores = { ...stores, queue: over(queue, this.#queue(queue)) }
    if (intake !== null) this.stores.intake = over(intake, this.#intake(intake))
  }

  /** Every receipt that was ever given. */
  get receipts(): readonly string[] {
    return this.#model.receipts
  }

  #queue(real: EventQueue): Partial<EventQueue> {
    const model = this.#model
    const settled = ({ accepted, stale }: { accepted: number; stale: string[] }, expected: queueModel.Settled): void =>
      assert.deepEqual(
        { accepted, stale },
        { accepted: expected.settled, stale: expected.rejected.map((r) => r.receipt) },
      )
    return {
      receive: async (subscription, max, leaseMs) => {
        const received = await real.receive(subscription, max, leaseMs)
        const receiptOf = (index: number): string => received.events[index]?.receipt ?? ''
        assert.deepEqual(
          received.events.map(toLeased),
          queueModel.receive(model, this.#moveDue(), max, leaseMs, receiptOf),
        )
        return received
      },
      ack: async (receipts) => {
        const answer = await real.ack(receipts)
        this.#moveDue()
        const before = model.entries.map(({ event }) => event.id)
        settled(answer, queueModel.ack(model, receipts))
        const after = new Set(model.entries.map(({ event }) => event.id))
        this.acked.push(...before.filter((id) => !after.has(id)))
        return answer
      },
      nack: async (receipts, delayMs) => {
        const answer = await real.nack(receipts, delayMs)
        settled(answer, queueModel.nack(model, this.#moveDue(), receipts, delayMs))
        return answer
      },
      extend: async (receipts, leaseMs) => {
        const answer = await real.extend(receipts, leaseMs)
        settled(answer, queueModel.extend(model, receipts, this.#moveDue() + leaseMs))
        return answer
      },
      release: async (attemptId, events) => {
        await real.release(attemptId, events)
        this.#join(attemptId, events.map(toMessage))
      },
    }
  }

  #intake(real: Intake): Partial<Intake> {
    return {
      accept: async (submission, notAfter) => {
        const verdict = await real.accept(submission, notAfter)
        if (verdict.kind !== 'answered' || verdict.submissionId !== submission.id) return verdict
        if (verdict.answer.status !== 200) return verdict
        const added = verdict.answer.entries.filter(({ outcome }) => outcome === 'added')
        this.#join(
          submission.id,
          added.map(({ document }) => JSON.parse(`${document}`)),
        )
        return verdict
      },
    }
  }

  #join(origin: string, events: queueModel.ModelEvent[]): void {
    this.#moveDue()
    if (!this.#joined.has(origin)) queueModel.join(this.#model, events)
    this.#joined.add(origin)
  }

  #moveDue(): number {
    const now = this.#clock.now()
    queueModel.moveDue(this.#model, now)
    return now
  }
}

function toLeased(event: LeasedEvent): queueModel.Leased {
  const { receipt, receiveCount, leasedUntil } = event
  const { id, name, createdAt } = toMessage(event)
  return { id, name, createdAt, receipt, receiveCount, leasedUntil: isoTime(leasedUntil) }
}

/** A port with some of its methods in place of the real ones. */
function over<T extends object>(real: T, own: Partial<T>): T {
  return new Proxy(real, {
    get: (target, name) => {
      const method: unknown = Reflect.get(own, name) ?? Reflect.get(target, name)
      return typeof method === 'function' ? method.bind(target) : method
    },
  })
}
