/** Marks by id, in the order they were first made, so that the old ones can be swept without looking at the others. */
export class Marks<T> {
  readonly #marks = new Map<string, { value: T; at: number }>()

  get(id: string): T | undefined {
    return this.#marks.get(id)?.value
  }

  /** Marks `id` unless it is marked already; `at` in milliseconds since the epoch. */
  add(id: string, value: T, at: number): void {
    if (!this.#marks.has(id)) this.#marks.set(id, { value, at })
  }

  /** Removes up to `limit` marks made before `olderThan`. @returns how many it removed */
  sweep(olderThan: number, limit: number): number {
    let removed = 0
    for (const [id, { at }] of this.#marks) {
      if (at >= olderThan || removed === limit) break
      this.#marks.delete(id)
      removed++
    }
    return removed
  }
}
