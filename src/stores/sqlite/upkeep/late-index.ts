import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Chore } from './upkeep.ts'

/** Entries written in one transaction, so that no batch waits long. */
const SLICE = 512
/** Entries sorted in one transaction, as one run of a merge sort. */
const RUN = 8_192

/** One table of the index: its leading column, and the statement that inserts `(column, seq)`. */
interface Target {
  by: 'hash' | 'text'
  insert: StatementSync
}

/** The first 48 bits of a hash. */
export const prefixOf = (hash: Buffer): number => hash.readUIntBE(0, 6)

interface LateIndexOptions {
  /** The table, which is also the column of `indexed` that holds the seq of its last indexed row. */
  table: 'formulas' | 'answers'
  /** Selects `seq`, `hash` and `text` of the rows after a seq, in order of seq. */
  rowsAfter: StatementSync
  targets: Target[]
}

/**
 * An index that is written late and sorted. Its keys are hashes, so the entries of new rows are scattered over it. Written
 * at once, each would add a page to the write-ahead log, and these would be most of the bytes of a commit. Instead they are
 * buffered in memory and written thousands at a time, sorted, in slices. The rows themselves are on disk: after a crash the
 * buffer is filled from them again.
 */
export class LateIndex implements Chore {
  readonly #options: LateIndexOptions
  readonly #progress: StatementSync
  readonly #setIndexed: StatementSync
  #buffer = new IndexBuffer()
  /** The entries that are being written, and an iterator that writes one slice per step. */
  #writing: { buffer: IndexBuffer; slices: Iterator<void> } | null = null
  #indexed = 0
  #isLoaded = false

  constructor(db: DatabaseSync, options: LateIndexOptions) {
    this.#options = options
    this.#progress = db.prepare(
      `SELECT ${options.table} AS indexed, (SELECT max(seq) FROM ${options.table}) AS last FROM indexed`,
    )
    this.#setIndexed = db.prepare(`UPDATE indexed SET ${options.table} = ?`)
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

  /** Keeps the entry of a row that was just deleted from being written. An entry that is written is the caller's to delete. */
  drop(seq: number): void {
    this.#buffer.drop(seq)
    this.#writing?.buffer.drop(seq)
  }

  /** The rows that are not indexed yet and may have a hash with this prefix; some may be deleted. Compare the whole value. */
  seqsOf(prefix: number): readonly number[] {
    if (!this.#isLoaded) this.catchUp()
    const seqs = this.#buffer.seqsOf(prefix)
    const earlier = this.#writing?.buffer.seqsOf(prefix) ?? []
    return earlier.length === 0 ? seqs : [...earlier, ...seqs]
  }

  /** The rows that are not indexed yet and whose text has this prefix, newest first; some may be deleted. */
  *seqsWith(prefix: string): Generator<number> {
    for (const buffer of [this.#buffer, this.#writing?.buffer]) yield* buffer?.seqsWith(prefix) ?? []
  }

  /** Buffers rows that were added without `add`: by another connection, or by `INSERT … SELECT`. */
  catchUp(): void {
    const { indexed, last } = this.#progress.get() as { indexed: number; last: number | null }
    if (indexed !== this.#indexed) this.forget()
    this.#indexed = indexed
    const known = this.#buffer.last ?? this.#writing?.buffer.last ?? indexed
    if ((last ?? 0) > known) {
      for (const row of this.#options.rowsAfter.iterate(known)) {
        this.#buffer.add(row.seq as number, prefixOf(Buffer.from(row.hash as Uint8Array)), row.text as string)
      }
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
    return this.#writing.slices.next().done !== true
  }

  #begin() {
    if (!this.#isLoaded) this.catchUp()
    const buffer = this.#buffer
    this.#buffer = new IndexBuffer()
    return { buffer, slices: this.#write(buffer) }
  }

  /** Writes the entries of a buffer into one table after the other, sorted. Yields after each slice. */
  *#write(buffer: IndexBuffer): Generator<void> {
    let written = 0
    for (const { by, insert } of this.#options.targets) {
      const runs: Uint32Array[] = []
      for (let from = 0; from < buffer.size; from += RUN) {
        runs.push(buffer.sorted(by, from, from + RUN))
        yield
      }
      for (const entry of buffer.merged(by, runs)) {
        if (!buffer.isDropped(entry)) insert.run(buffer[by](entry), buffer.seq(entry))
        if (++written % SLICE === 0) yield
      }
    }
    this.#indexed = buffer.last ?? this.#indexed
    this.#setIndexed.run(this.#indexed)
    this.#writing = null
  }
}

const INITIAL_SIZE = 1_024
/** Entries are looked up by the last 30 bits of their hashes: V8 stores such small integers without allocating. */
const HASH_SLOTS = 2 ** 30
const NONE: readonly number[] = []

/** Index entries in columns, because tens of thousands of small objects would keep the garbage collector busy. */
class IndexBuffer {
  #seqs = new Float64Array(INITIAL_SIZE)
  #hashes = new Float64Array(INITIAL_SIZE)
  readonly #texts: string[] = []
  readonly #byHash = new Map<number, number | number[]>()
  readonly #dropped = new Set<number>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The seq of the last entry. */
  get last(): number | undefined {
    return this.#size === 0 ? undefined : this.#seqs[this.#size - 1]
  }

  /** Entries must be added in order of seq. */
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

  /** Marks the entry of a row, if it is here. It keeps its place, because it may be in a sorted run already. */
  drop(seq: number): void {
    if (seq >= this.seq(0) && seq <= (this.last ?? 0)) this.#dropped.add(seq)
  }

  isDropped(entry: number): boolean {
    return this.#dropped.has(this.seq(entry))
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

  *seqsWith(prefix: string): Generator<number> {
    for (let entry = this.#size - 1; entry >= 0; entry--) if (this.text(entry).startsWith(prefix)) yield this.seq(entry)
  }

  /** The entries from `from` up to but not including `to`, sorted. */
  sorted(by: Target['by'], from: number, to: number): Uint32Array {
    const entries = Uint32Array.from({ length: Math.min(to, this.#size) - from }, (_, index) => from + index)
    if (by === 'hash') return entries.sort((a, b) => this.hash(a) - this.hash(b))
    return entries.sort((a, b) => (this.text(a) < this.text(b) ? -1 : 1))
  }

  /** Merges sorted runs into one. */
  *merged(by: Target['by'], runs: Uint32Array[]): Generator<number> {
    const heads = runs.map((run) => ({ run, at: 0, value: this[by](run[0] as number) }))
    while (heads.length > 0) {
      const first = heads.reduce((least, head) => (head.value < least.value ? head : least))
      yield first.run[first.at++] as number
      if (first.at < first.run.length) first.value = this[by](first.run[first.at] as number)
      else heads.splice(heads.indexOf(first), 1)
    }
  }

  #grow(): void {
    const [seqs, hashes] = [this.#seqs, this.#hashes]
    this.#seqs = new Float64Array(seqs.length * 2)
    this.#hashes = new Float64Array(seqs.length * 2)
    this.#seqs.set(seqs)
    this.#hashes.set(hashes)
  }
}
