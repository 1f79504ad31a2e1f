const FIRST_SIZE = 1_024
/** Hashes are mapped by their last 30 bits, numbers that V8 need not allocate. */
const MAPPED = 2 ** 30

/** Entries of an index in memory, in columns: tens of thousands of small objects would keep the garbage collector busy. */
export class IndexBuffer {
  #seqs = new Float64Array(FIRST_SIZE)
  #hashes = new Float64Array(FIRST_SIZE)
  readonly #texts: string[] = []
  readonly #byHash = new Map<number, number | number[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The last row there is an entry of. */
  get last(): number | undefined {
    return this.#size === 0 ? undefined : this.#seqs[this.#size - 1]
  }

  /** Entries come in order of seq. */
  add(seq: number, hash: number, text: string): void {
    if (this.#size === this.#seqs.length) this.#grow()
    this.#seqs[this.#size] = seq
    this.#hashes[this.#size] = hash
    this.#texts.push(text)
    this.#size++
    const slot = hash % MAPPED
    const there = this.#byHash.get(slot)
    if (there === undefined) this.#byHash.set(slot, seq)
    else this.#byHash.set(slot, [there, seq].flat())
  }

  seq(entry: number): number {
    return this.#seqs[entry] as number
  }

  hash(entry: number): number {
    return this.#hashes[entry] as number
  }

  text(entry: number): string {
    return this.#texts[entry] as string
  }

  /** The rows that may have this hash; they have to be compared. */
  seqsOf(hash: number): readonly number[] {
    const there = this.#byHash.get(hash % MAPPED)
    if (there === undefined) return NONE
    return typeof there === 'number' ? [there] : there
  }

  /** Its entries in the order of their hashes. */
  byHash(): Uint32Array {
    return this.#entries().sort((a, b) => this.hash(a) - this.hash(b))
  }

  /** Its entries in the order of their texts. */
  byText(): Uint32Array {
    return this.#entries().sort((a, b) => (this.text(a) < this.text(b) ? -1 : 1))
  }

  #entries(): Uint32Array {
    return Uint32Array.from({ length: this.#size }, (_, index) => index)
  }

  #grow(): void {
    const [seqs, hashes] = [this.#seqs, this.#hashes]
    this.#seqs = new Float64Array(seqs.length * 2)
    this.#hashes = new Float64Array(seqs.length * 2)
    this.#seqs.set(seqs)
    this.#hashes.set(hashes)
  }
}

const NONE: readonly number[] = []
