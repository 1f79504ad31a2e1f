import { MISHAPS, type Mishap, type Network } from '../../support/postgres/network.ts'
import type { Plan } from './enumerate.ts'
import type { Layer } from './submission-run.ts'

export const WIRE_FAULTS = MISHAPS
export type WireFault = Mishap

/** Stands between the engine and PostgreSQL, and lets planned statements go wrong on their way. */
export class WireLayer implements Layer<WireFault> {
  readonly #networks: Network[]
  readonly death = Promise.withResolvers<'died'>()
  readonly dead = false
  injected = 0

  constructor(networks: Network[]) {
    this.#networks = networks
  }

  readonly wrap = <T>(stores: T): T => stores

  arm({ first, times, fault }: Plan<WireFault>): void {
    let statements = 0
    for (const network of this.#networks) {
      network.choose((_, isWithin) => {
        const number = ++statements
        if (number < first || number >= first + times) return null
        this.injected++
        // A transaction that stays open would hold up all that follows it until it has arrived.
        return fault === 'late' && isWithin ? 'before' : fault
      })
    }
  }

  /** What is late arrives now. */
  async mend(): Promise<void> {
    for (const network of this.#networks) network.choose()
    await Promise.all(this.#networks.map((network) => network.release()))
  }
}
