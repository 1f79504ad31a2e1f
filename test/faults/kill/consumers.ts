import type { ClientHistory, Lease, Send } from '../client-history.ts'
import type { Chance } from '../extent.ts'

/** How many receipts are kept to be used later, also after a restart. */
const KEPT = 50

/** The consumers of a service, through all its restarts. */
export class Consumers {
  readonly #history: ClientHistory
  readonly #chance: Chance
  readonly #kept: string[] = []

  constructor(history: ClientHistory, chance: Chance) {
    this.#history = history
    this.#chance = chance
  }

  /** One consumer: receives and settles until its connection is cut. */
  async client(send: Send): Promise<void> {
    for (;;) {
      if (this.#chance.happens(3)) await this.#history.redrive(send)
      if (!(await this.#settleKept(send))) return
      const leases = await this.#history.receive(send, this.#chance.integer(1, 10), this.#chance.integer(1, 2), 1)
      if (leases === null || !(await this.#settle(send, leases))) return
    }
  }

  async #settleKept(send: Send): Promise<boolean> {
    const receipt = this.#kept.length > 0 && this.#chance.happens(30) ? this.#chance.oneOf(this.#kept) : undefined
    return receipt === undefined || (await this.#history.ack(send, [receipt])) !== null
  }

  /** @returns whether the connection lives */
  async #settle(send: Send, leases: Lease[]): Promise<boolean> {
    const receipts = leases.map(({ receipt }) => receipt)
    if (receipts.length === 0) return true
    this.#kept.push(...receipts)
    this.#kept.splice(0, this.#kept.length - KEPT)
    const act = this.#chance.integer(1, 100)
    if (act <= 45) return (await this.#history.ack(send, receipts)) !== null
    if (act <= 60) {
      const both = await Promise.all([this.#history.ack(send, receipts), this.#history.ack(send, receipts.slice(0, 1))])
      return both.every((refused) => refused !== null)
    }
    if (act <= 75) return (await this.#history.nack(send, receipts, this.#chance.integer(0, 1))) !== null
    if (act <= 85) {
      const extended = await this.#history.extend(send, receipts, this.#chance.integer(1, 2))
      return extended !== null && (await this.#history.ack(send, receipts)) !== null
    }
    // Not settled: the leases expire.
    return true
  }
}
