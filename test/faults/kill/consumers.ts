import type { Chance } from '../extent.ts'
import type { Lease, Ledger, Send } from '../ledger.ts'

/** How many receipts are kept to be used later, also after a restart. */
const KEPT = 50

/** The consumers of a service, through all its restarts. */
export class Consumers {
  readonly #ledger: Ledger
  readonly #chance: Chance
  readonly #kept: string[] = []

  constructor(ledger: Ledger, chance: Chance) {
    this.#ledger = ledger
    this.#chance = chance
  }

  /** One consumer: receives and settles until its connection is cut. */
  async client(send: Send): Promise<void> {
    for (;;) {
      if (this.#chance.happens(3)) await this.#ledger.redrive(send)
      if (!(await this.#settleKept(send))) return
      const leases = await this.#ledger.receive(send, this.#chance.integer(1, 10), this.#chance.integer(1, 2), 1)
      if (leases === null || !(await this.#settle(send, leases))) return
    }
  }

  async #settleKept(send: Send): Promise<boolean> {
    const receipt = this.#kept.length > 0 && this.#chance.happens(30) ? this.#chance.oneOf(this.#kept) : undefined
    return receipt === undefined || (await this.#ledger.ack(send, [receipt])) !== null
  }

  /** @returns whether the connection lives */
  async #settle(send: Send, leases: Lease[]): Promise<boolean> {
    const receipts = leases.map(({ receipt }) => receipt)
    if (receipts.length === 0) return true
    this.#kept.push(...receipts)
    this.#kept.splice(0, this.#kept.length - KEPT)
    const act = this.#chance.integer(1, 100)
    if (act <= 45) return (await this.#ledger.ack(send, receipts)) !== null
    if (act <= 60) {
      const both = await Promise.all([this.#ledger.ack(send, receipts), this.#ledger.ack(send, receipts.slice(0, 1))])
      return both.every((refused) => refused !== null)
    }
    if (act <= 75) return (await this.#ledger.nack(send, receipts, this.#chance.integer(0, 1))) !== null
    if (act <= 85) {
      const extended = await this.#ledger.extend(send, receipts, this.#chance.integer(1, 2))
      return extended !== null && (await this.#ledger.ack(send, receipts)) !== null
    }
    // Not settled: the leases expire.
    return true
  }
}
