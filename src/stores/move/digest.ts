import { hash } from 'node:crypto'

const MODULUS = 1n << 128n

/** How many rows there are, and a hash over all of them that does not depend on their order. */
export class Digest {
  count = 0
  #sum = 0n

  add(row: readonly unknown[]): void {
    this.count++
    this.#sum = (this.#sum + BigInt(`0x${hash('sha256', JSON.stringify(row), 'hex').slice(0, 32)}`)) % MODULUS
  }

  /** In hex. */
  get hash(): string {
    return this.#sum.toString(16).padStart(32, '0')
  }

  equals(other: Digest): boolean {
    return this.count === other.count && this.hash === other.hash
  }
}
