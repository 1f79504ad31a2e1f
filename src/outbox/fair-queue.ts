/** A queue that serves callers in turn, and the entries of one caller in the order of their arrival. */
export class FairQueue<T extends { readonly caller: string }> {
  /** The entries of each waiting caller, in the order of the callers' turns. */
  readonly #callers = new Map<string, Set<T>>()

  /** The number of callers that wait. */
  get callers(): number {
    return this.#callers.size
  }

  /** The entry to serve next. */
  get front(): T | undefined {
    const [first] = this.#callers.values()
    return first?.values().next().value
  }

  /** The entries of one caller, oldest first. */
  of(caller: string): ReadonlySet<T> {
    return this.#callers.get(caller) ?? new Set()
  }

  add(entry: T): void {
    const entries = this.#callers.get(entry.caller)
    if (entries === undefined) this.#callers.set(entry.caller, new Set([entry]))
    else entries.add(entry)
  }

  /** @returns false when the entry is not in the queue */
  remove(entry: T): boolean {
    const entries = this.#callers.get(entry.caller)
    if (entries?.delete(entry) !== true) return false
    if (entries.size === 0) this.#callers.delete(entry.caller)
    return true
  }

  /** Ends the turn of a caller: all other callers are served before it. */
  moveToBack(caller: string): void {
    const entries = this.#callers.get(caller)
    if (entries === undefined) return
    this.#callers.delete(caller)
    this.#callers.set(caller, entries)
  }

  *[Symbol.iterator](): Generator<T> {
    for (const entries of this.#callers.values()) yield* entries
  }
}
