import assert from 'node:assert/strict'
import { showFormula } from '../../../src/formula/formula.ts'
import type { Clock } from '../../../src/kit/clock.ts'
import { toMessage } from '../../../src/outbox/message.ts'
import type { EventQueue, Intake, LeasedEvent, Settled, Stores } from '../../../src/stores/ports.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import { ModelQueue } from './queue.ts'

/** Compares each effect on a queue with the model, in the order of the effects. */
export class QueueRecord {
  readonly stores: Stores
  /** Ids of the events whose ack was accepted. */
  readonly acked: string[] = []
  readonly #model: ModelQueue
  readonly #clock: Clock
  /** Attempts and submissions whose events are in the queue. */
  readonly #released = new Set<string>()
  readonly #leased = new Map<string, string>()

  constructor(stores: Stores, clock: Clock, maxReceives: number) {
    this.#model = new ModelQueue(maxReceives)
    this.#clock = clock
    const { queue, intake } = stores
    this.stores = { ...stores, queue: over(queue, this.#queue(queue)) }
    if (intake !== null) this.stores.intake = over(intake, this.#intake(intake))
  }

  /** Every receipt ever issued. */
  get receipts(): readonly string[] {
    return this.#model.receipts
  }

  #queue(real: EventQueue): Partial<EventQueue> {
    const same = <T extends Settled>(answer: T, expected: Settled): T => {
      assert.deepEqual({ accepted: answer.accepted, stale: answer.stale }, expected)
      return answer
    }
    return {
      receive: async (subscription, max, leaseMs) => {
        const received = await real.receive(subscription, max, leaseMs)
        const receipts = received.events.map(({ receipt }) => receipt)
        const expected = this.#model.receive(DEFAULT, max, this.#moveDue() + leaseMs, receipts)
        assert.deepEqual(received.events.map(withoutSeq), expected.map(withoutSeq))
        for (const { receipt, id } of received.events) this.#leased.set(receipt, id)
        return received
      },
      ack: async (receipts) => {
        const answer = await real.ack(receipts)
        this.#moveDue()
        const accepted = [...new Set(receipts)].filter((receipt) => !answer.stale.includes(receipt))
        this.acked.push(...accepted.map((receipt) => this.#leased.get(receipt) as string))
        return same(answer, this.#model.ack(receipts))
      },
      nack: async (receipts, delayMs) =>
        same(await real.nack(receipts, delayMs), this.#model.nack(receipts, this.#moveDue(), delayMs, null)),
      extend: async (receipts, leaseMs) =>
        same(await real.extend(receipts, leaseMs), this.#model.extend(receipts, this.#moveDue() + leaseMs)),
      release: async (attemptId, events) => {
        await real.release(attemptId, events)
        this.#append(attemptId, events.map(toMessage))
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
        this.#append(
          submission.id,
          added.map(({ id, document }) => JSON.parse(showFormula({ id, document: `${document}` }))),
        )
        return verdict
      },
    }
  }

  #append(origin: string, formulas: Parameters<ModelQueue['append']>[0]): void {
    this.#moveDue()
    if (!this.#released.has(origin)) this.#model.append(formulas)
    this.#released.add(origin)
  }

  /** @returns the time, in milliseconds since the epoch */
  #moveDue(): number {
    const now = this.#clock.now()
    this.#model.moveDue(now)
    return now
  }
}

const withoutSeq = ({ seq: _, ...event }: LeasedEvent): object => event

/** A port with some methods replaced. */
function over<T extends object>(real: T, own: Partial<T>): T {
  return new Proxy(real, {
    get: (target, name) => {
      const method: unknown = Reflect.get(own, name) ?? Reflect.get(target, name)
      return typeof method === 'function' ? method.bind(target) : method
    },
  })
}
