/** Knows whether any instance has erased a formula since an answer was read: then the answer must be read again. */
export class Erasures {
  readonly #count: () => Promise<number>
  #reading: Promise<number> = Promise.resolve(0)
  #next: Promise<number> | null = null
  /** The number of erasures when it was last read, -1 before that. It never decreases. */
  known = -1

  /** @param count see `FormulaDb.erasures` */
  constructor(count: () => Promise<number>) {
    this.#count = count
  }

  /**
   * @param known the number that was known before the answer was read
   * @returns true also when a store fails: the caller then asks the store itself
   */
  async changedSince(known: number): Promise<boolean> {
    try {
      this.known = await this.#read()
      return this.known !== known
    } catch {
      return true
    }
  }

  /** Begins to read after this call. Calls that arrive during one read share the next. */
  #read(): Promise<number> {
    this.#next ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#next = null
        this.#reading = this.#count()
        return this.#reading
      })
    return this.#next
  }
}
