interface Planned {
  at: number
  order: number
  act: () => void
}

/** What happens when, in a time that costs none; what is planned for one time happens in the order of planning. */
export class Calendar {
  /** Microseconds since the beginning. */
  now = 0
  #planned = 0
  /** A heap: none is later than those at twice its place. */
  readonly #heap: Planned[] = []

  /** Plans what happens so many microseconds from now. */
  after(delay: number, act: () => void): void {
    this.#heap.push({ at: this.now + delay, order: this.#planned++, act })
    this.#rise(this.#heap.length - 1)
  }

  /** Lets happen what is planned until then, and what that plans in turn. */
  runUntil(end: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#removeFirst()
      this.now = next.at
      next.act()
    }
    this.now = end
  }

  #rise(from: number): void {
    for (let place = from; place > 0; ) {
      const above = (place - 1) >> 1
      if (!this.#isBefore(place, above)) return
      this.#swap(place, above)
      place = above
    }
  }

  #removeFirst(): void {
    this.#swap(0, this.#heap.length - 1)
    this.#heap.pop()
    for (let place = 0; ; ) {
      const below = [2 * place + 1, 2 * place + 2].filter((each) => each < this.#heap.length)
      const [left, right] = below
      if (left === undefined) return
      const least = right !== undefined && this.#isBefore(right, left) ? right : left
      if (!this.#isBefore(least, place)) return
      this.#swap(place, least)
      place = least
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a] as Planned, this.#heap[b] as Planned]
    return one.at < other.at || (one.at === other.at && one.order < other.order)
  }

  #swap(a: number, b: number): void {
    const one = this.#heap[a] as Planned
    this.#heap[a] = this.#heap[b] as Planned
    this.#heap[b] = one
  }
}
