import { randomUUID } from 'node:crypto'
import type { Ledger, Send } from '../ledger.ts'
import { answerOf, type JournalRecord } from './journal.ts'

/**
 * Ties what clients saw to the journal of the service. Each request carries an id that its answer repeats, and the
 * journal has each answer at the moment before it left: what is after that moment cannot have been waited for.
 */
export class Timeline {
  readonly #ledger: Ledger
  /** By request, the ledger's tick when its answer had arrived. */
  readonly #arrivals = new Map<string, number>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** Sends with an id of its own. */
  through(send: Send): Send {
    return async (method, path, headers, body) => {
      const id = randomUUID()
      const reply = await send(method, path, { ...headers, 'x-request-id': id }, body)
      this.#arrivals.set(id, this.#ledger.tick)
      return reply
    }
  }

  /** What clients knew for certain, and what they had sent at most, when the service had come to a place in its journal. */
  at(journal: JournalRecord[], records: number): Ledger {
    const later = journal.slice(records).filter(({ kind }) => kind === 'answer')
    const arrivals = later.flatMap((answer) => this.#arrivals.get(answerOf(answer).request) ?? [])
    // An answer that left later shows when nothing that came before it can have been sent any more.
    const [sent = this.#ledger.tick] = arrivals
    return this.#ledger.asOf(Math.min(sent, ...arrivals), sent)
  }
}
