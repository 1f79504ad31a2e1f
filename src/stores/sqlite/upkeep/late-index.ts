import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Chore } from './upkeep.ts'

/** Most entries written in one transaction, so that no batch waits long. */
const SLICE = 512

/** One table of the index: its leading column, and the statement that inserts `(column, seq)`. */
interface Target {
  by: 'hash' | 'text'
  insert: StatementSync
}

/** The first 48 bits of a hash. */
export const prefixOf = (hash: Buffer): number => hash.readUIntBE(0, 6)

interface LateIndexOptions {
  /** The column of the table `indexed` that holds the seq of the last indexed row. */
  column: 'formulas' | 'answers'
  /** Selects `seq`, `hash` and `text` of the rows after a seq, in order of seq. */
  rowsAfter: StatementSync
  targets: Target[]
}

/**
 * An index that is written late and sorted. Its keys are hashes, so the entries of new rows are scattered over it. Written
 * at once, each would add a page to the write-ahead log, most of the bytes of a commit. Instead they are buffered in memory
 * and written by thousands, sorted, slice by slice. The rows themselves are on disk: after a crash the buffer is read from
 * them again.
 */
export class LateIndex implements Chore {
  readonly #options: LateIndexOptions
  readonly #reach: StatementSync
  readonly #setReach: StatementSync
  #buffer = new IndexBuffer()
  /** The entries that are being written, and for each table left the order to write them in, from `at` on. */
  #writing: { buffer: IndexBuffer; work: { target: Target; order: Uint32Array }[]; at: number } | null = null
  #indexed = 0
  #isLoaded = false

  constructor(db: DatabaseSync, options: LateIndexOptions) {
    this.#options = options
    this.#reach = db.prepare(`SELECT ${options.column} AS reach FROM indexed`)
    this.#setReach = db.prepare(`UPDATE indexed SET ${options.column} = ?`)
  }

  get backlog(): number {
    if (!this.#isLoaded) this.catchUp()
    return this.#buffer.size + (this.#writing?.buffer.size ?? 0)
  }

  /** The seq of the last indexed row. */
  get indexed(): number {
    return this.#indexed
  }

  /** Buffers the entry of a row that was just inserted. */
  add(seq: number, hash: Buffer, text: string): void {
    if (this.#isLoaded) this.#buffer.add(seq, prefixOf(hash), text)
  }

  /** The rows that are not indexed yet and may have a hash with this prefix. Compare the whole value. */
  seqsOf(hash: number): readonly number[] {
    if (!this.#isLoaded) this.catchUp()
    const seqs = this.#buffer.seqsOf(hash)
    const earlier = this.#writing?.buffer.seqsOf(hash) ?? []
    return earlier.length === 0 ? seqs : [...earlier, ...seqs]
  }

  /** Reads rows that another connection, or a statement that inserts many rows, has added. */
  catchUp(): void {
    const { reach } = this.#reach.get() as { reach: number }
    if (reach !== this.#indexed) this.forget()
    this.#indexed = reach
    const known = this.#buffer.last ?? this.#writing?.buffer.last ?? reach
    for (const row of this.#options.rowsAfter.iterate(known)) {
      this.#buffer.add(row.seq as number, prefixOf(Buffer.from(row.hash as Uint8Array)), row.text as string)
    }
    this.#isLoaded = true
  }

  forget(): void {
    this.#buffer = new IndexBuffer()
    this.#writing = null
    this.#isLoaded = false
  }

  doSlice(): boolean {
    this.#writing ??= this.#begin()
    const { buffer, work, at } = this.#writing
    const [next] = work
    if (next === undefined) {
      this.#indexed = buffer.last ?? this.#indexed
      this.#setReach.run(this.#indexed)
      this.#writing = null
      return false
    }
    const { by, insert } = next.target
    for (const entry of next.order.subarray(at, at + SLICE)) insert.run(buffer[by](entry), buffer.seq(entry))
    this.#writing.at += SLICE
    if (this.#writing.at >= next.order.length) {
      work.shift()
      this.#writing.at = 0
    }
    return true
  }

  #begin() {
    if (!this.#isLoaded) this.catchUp()
    const buffer = this.#buffer
    this.#buffer = new IndexBuffer()
    return { buffer, work: this.#options.targets.map((target) => ({ target, order: buffer.sorted(target.by) })), at: 0 }
  }
}

const FIRST_SIZE = 1_024
/** Entries are found by the last 30 bits of their hashes: V8 allocates no memory for such small integers. */
const HASH_SLOTS = 2 ** 30
const NONE: readonly number[] = []

/** Index entries in columns, because tens of thousands of small objects would keep the garbage collector busy. */
class IndexBuffer {
  #seqs = new Float64Array(FIRST_SIZE)
  #hashes = new Float64Array(FIRST_SIZE)
  readonly #texts: string[] = []
  readonly #byHash = new Map<number, number | number[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The seq of the last entry. */
  get last(): number | undefined {
    return this.#size === 0 ? undefined : this.#seqs[this.#size - 1]
  }

  /** Add entries in order of seq. */
  add(seq: number, hash: number, text: string): void {
    if (this.#size === this.#seqs.length) this.#grow()
    this.#seqs[this.#size] = seq
    this.#hashes[this.#size] = hash
    this.#texts.push(text)
    this.#size++
    const slot = hash % HASH_SLOTS
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

  /** The rows that may have this hash. Compare the whole value. */
  seqsOf(hash: number): readonly number[] {
    const there = this.#byHash.get(hash % HASH_SLOTS)
    if (there === undefined) return NONE
    return typeof there === 'number' ? [there] : there
  }

  /** All entries, sorted. */
  sorted(by: Target['by']): Uint32Array {
    const entries = Uint32Array.from({ length: this.#size }, (_, index) => index)
    if (by === 'hash') return entries.sort((a, b) => this.hash(a) - this.hash(b))
    return entries.sort((a, b) => (this.text(a) < this.text(b) ? -1 : 1))
  }

  #grow(): void {
    const [seqs, hashes] = [this.#seqs, this.#hashes]
    this.#seqs = new Float64Array(seqs.length * 2)
    this.#hashes = new Float64Array(seqs.length * 2)
    this.#seqs.set(seqs)
    this.#hashes.set(hashes)
  }
}
