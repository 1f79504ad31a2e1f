/** The largest body or answer that counts as small; a formula of a hundred materials does. */
export const SMALL_BYTES = 16_384

/**
 * The memory, in bytes, that all callers may use together. Large bodies or answers may use only half of it, so that a few
 * of them never shut out small ones.
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
   * let in some time.
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
