/** How long a transaction may take to show what it has numbered, in milliseconds. */
const SETTLED_MS = 500
/** So often one look begins at the very beginning. */
const AFRESH_MS = 10_000

/**
 * How far the rows at the front of an index have been taken. Those that are gone stay in the index until nobody could
 * see them any more; with a transaction open for hours somewhere, every look would walk through all of them. It lags
 * behind, and now and then one look begins at the beginning: a transaction that took long may have shown something there.
 */
export class QueueHead {
  #from = -1
  #next = -1
  #movedAt = performance.now()
  #afreshAt = performance.now()

  /** All before and with this has been taken. */
  get from(): number {
    const now = performance.now()
    if (now - this.#afreshAt < AFRESH_MS) return this.#from
    this.#afreshAt = now
    return -1
  }

  passed(position: number): void {
    const now = performance.now()
    if (now - this.#movedAt < SETTLED_MS) return
    this.#movedAt = now
    this.#from = this.#next
    this.#next = position
  }
}
