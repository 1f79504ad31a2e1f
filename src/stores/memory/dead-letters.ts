import type { DeadEvent, Page } from '../ports.ts'
import { SortedMap } from './sorted-map.ts'

/** Events that used up their leases, in the order of their deaths; one letter a formula. */
export class DeadLetters {
  readonly #bySequence = new SortedMap<number, DeadEvent>()
  readonly #sequences = new Map<string, number>()
  #lastSequence = 0

  get size(): number {
    return this.#bySequence.size
  }

  /** Adds a letter, in place of an earlier one of the same formula. */
  add(letter: DeadEvent): void {
    this.#take(letter.id)
    this.#sequences.set(letter.id, ++this.#lastSequence)
    this.#bySequence.set(this.#lastSequence, letter)
  }

  /** Removes and returns the letters with these ids, all of them without; the first to die comes first. */
  takeAll(ids?: string[]): DeadEvent[] {
    const order = (id: string) => this.#sequences.get(id) ?? 0
    const wanted = ids === undefined ? [...this.#sequences.keys()] : [...ids]
    return wanted.sort((a, b) => order(a) - order(b)).flatMap((id) => this.#take(id) ?? [])
  }

  /** The last to die first, beginning below the sequence number `before`. */
  page(limit: number, before?: number): Page<DeadEvent> {
    const items: DeadEvent[] = []
    let last: number | null = null
    for (const [sequence, letter] of this.#bySequence.entriesReversed(before, undefined, true)) {
      if (items.length === limit) return { items, next: last }
      items.push(letter)
      last = sequence
    }
    return { items, next: null }
  }

  #take(id: string): DeadEvent | undefined {
    const sequence = this.#sequences.get(id)
    if (sequence === undefined) return undefined
    this.#sequences.delete(id)
    return this.#bySequence.take(sequence)
  }
}
