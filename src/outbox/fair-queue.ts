/** A line in which callers take turns. What one caller has in it is served in the order in which it came. */
export class FairLine<T extends { readonly caller: string }> {
  /** Each caller that waits, in the order of their turns. */
  readonly #callers = new Map<string, Set<T>>()

  /** How many callers wait. */
  get callers(): number {
    return this.#callers.size
  }

  /** Who is served next; undefined when nobody waits. */
  get front(): T | undefined {
    const [first] = this.#callers.values()
    return first?.values().next().value
  }

  /** What a caller has in the line, the oldest first. */
  of(caller: string): ReadonlySet<T> {
    return this.#callers.get(caller) ?? new Set()
  }

  join(one: T): void {
    const own = this.#callers.get(one.caller)
    if (own === undefined) this.#callers.set(one.caller, new Set([one]))
    else own.add(one)
  }

  /** @returns false when it is not in the line */
  leave(one: T): boolean {
    const own = this.#callers.get(one.caller)
    if (own?.delete(one) !== true) return false
    if (own.size === 0) this.#callers.delete(one.caller)
    return true
  }

  /** Ends the turn of a caller: all others come before it now. */
  endTurn(caller: string): void {
    const own = this.#callers.get(caller)
    if (own === undefined) return
    this.#callers.delete(caller)
    this.#callers.set(caller, own)
  }

  *[Symbol.iterator](): Generator<T> {
    for (const own of this.#callers.values()) yield* own
  }
}
