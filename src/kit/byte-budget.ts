/** Bodies and answers up to this size are small; one formula with a hundred materials fits. */
export const SMALL_BYTES = 16_384

/**
 * A limit of memory, in bytes, that all callers share. Large bodies and answers may use only half of it, so that a few of
 * them never crowd out small ones.
 */
export class ByteBudget {
  readonly #limit: number
  #taken = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get taken(): number {
    return this.#taken
  }

  /**
   * Whether `bytes` more can be taken. Any size fits while nobody else holds bytes, so that a body larger than the budget is
   * admitted eventually.
   * @param held bytes that the same body or answer has taken already
   */
  fits(bytes: number, held = 0): boolean {
    const limit = held + bytes > SMALL_BYTES ? this.#limit / 2 : this.#limit
    return this.#taken + bytes <= limit || this.#taken === held
  }

  take(bytes: number): void {
    this.#taken += bytes
  }

  give(bytes: number): void {
    this.#taken -= bytes
  }
}
