/** Up to this many bytes something is small: a formula of a hundred materials is. */
export const SMALL_BYTES = 16_384

/**
 * Memory that callers may take up together, in bytes. What is large finds room in the first half alone, so that a few large
 * bodies or answers never shut out small ones.
 */
export class Room {
  readonly #most: number
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  /** How many bytes are taken. */
  get taken(): number {
    return this.#taken
  }

  /**
   * Where nobody else has taken any even what is larger than the room fits: else it would never be let in.
   * @param held what the same body or answer has taken before
   */
  fits(bytes: number, held = 0): boolean {
    const most = held + bytes > SMALL_BYTES ? this.#most / 2 : this.#most
    return this.#taken + bytes <= most || this.#taken === held
  }

  take(bytes: number): void {
    this.#taken += bytes
  }

  give(bytes: number): void {
    this.#taken -= bytes
  }
}
