/** No formula within the service's limits is longer, in bytes, however it is written. */
export const MAX_ROW_BYTES = 4 * 1024 * 1024

/** The bytes of one row, which may come in several chunks. Of one that is too long nothing is kept. */
export class RowBytes {
  readonly #most: number
  #parts: Buffer[] = []
  #length = 0

  /** @param most more bytes than this are too long */
  constructor(most = MAX_ROW_BYTES) {
    this.#most = most
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  add(part: Buffer): void {
    this.#length += part.length
    if (this.#length <= this.#most) this.#parts.push(part)
    else this.#parts = []
  }

  /** The row's bytes, null when it was too long. The next row begins. */
  take(): Buffer | null {
    const [only, ...more] = this.#parts
    const bytes = more.length === 0 && only !== undefined ? only : Buffer.concat(this.#parts)
    const isTooLong = this.#length > this.#most
    this.#parts = []
    this.#length = 0
    return isTooLong ? null : bytes
  }
}
