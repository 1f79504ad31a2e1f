import { type Admission, BatchScheduler } from '../batch-scheduler.ts'
import type { LeasedEvent } from '../ports.ts'
import type { Database, GivenTime, Row } from './database.ts'
import { RECEIVE } from './event-statements.ts'

/** Most events of one batch, but for a single call that asks for more. */
const MOST_EVENTS = 1_000

/** One call of `receive`. */
interface Wish {
  subscription: string
  max: number
  leaseMs: number
}

interface ReceiveOptions {
  database: Database
  time: GivenTime
  maxReceives: number
}

/**
 * Receives that arrive together share a transaction: whoever receives in a subscription keeps all others waiting until the
 * commit. Of one subscription one batch is under way at a time, and hands out what it gets in the order of arrival.
 */
export class ReceiveBatches {
  readonly #options: ReceiveOptions
  readonly #busy = new Set<string>()
  readonly #batches = new BatchScheduler<Wish, LeasedEvent[]>({
    run: (wishes) => this.#run(wishes),
    admit: () => this.#admit(),
  })

  constructor(options: ReceiveOptions) {
    this.#options = options
  }

  /** @throws {UnknownSubscription} */
  receive(wish: Wish): Promise<LeasedEvent[]> {
    return this.#batches.add(wish)
  }

  /** Those from the front that want the same subscription for the same time. */
  #admit(): (wish: Wish) => Admission {
    let first: Wish | undefined
    let events = 0
    return (wish) => {
      const { subscription, leaseMs, max } = wish
      if (first === undefined) {
        if (this.#busy.has(subscription)) return 'waits'
        first = wish
        this.#busy.add(subscription)
      } else {
        if (subscription !== first.subscription) return 'waits'
        if (leaseMs !== first.leaseMs || events + max > MOST_EVENTS) return 'full'
      }
      events += max
      return 'joins'
    }
  }

  async #run(wishes: Wish[]): Promise<LeasedEvent[][]> {
    const [{ subscription, leaseMs }] = wishes as [Wish]
    const { database, time, maxReceives } = this.#options
    const most = wishes.reduce((sum, { max }) => sum + max, 0)
    try {
      const rows = await database.query(RECEIVE, [time(), subscription, most, leaseMs, maxReceives])
      const events = rows.map(toLeased)
      return wishes.map(({ max }) => events.splice(0, max))
    } finally {
      this.#busy.delete(subscription)
    }
  }
}

const toLeased = (row: Row): LeasedEvent => ({
  id: row.id as string,
  seq: row.formula as number,
  createdAt: row.at as number,
  body: row.body as string,
  receipt: `${row.subscription}-${row.position}-${(row.nonce as string).replaceAll('-', '')}`,
  receiveCount: row.receives as number,
  leasedUntil: row.leased_until as number,
})

const RECEIPT = /^(\d{1,9})-(\d{1,15})-([0-9a-f]{32})$/

/** The columns of well-formed receipts; each has a nonce of its own, which tells it. */
export function receiptColumns(receipts: Iterable<string>): { columns: unknown[]; byNonce: Map<string, string> } {
  const [subscriptions, positions, nonces]: string[][] = [[], [], []] as [string[], string[], string[]]
  const byNonce = new Map<string, string>()
  for (const receipt of receipts) {
    const [, subscription, position, nonce] = RECEIPT.exec(receipt) ?? []
    if (subscription === undefined || position === undefined || nonce === undefined) continue
    subscriptions?.push(subscription)
    positions?.push(position)
    nonces?.push(nonce)
    byNonce.set(nonce, receipt)
  }
  return { columns: [subscriptions, positions, nonces], byNonce }
}
