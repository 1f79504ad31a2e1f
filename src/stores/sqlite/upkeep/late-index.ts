import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { IndexBuffer } from './index-buffer.ts'
import type { Chore } from './upkeep.ts'

/** Most entries written in one transaction, so that nothing waits long behind it. */
const SLICE = 512

/** One table of the index: in which order it is written, and how. */
export interface Target {
  order(kept: IndexBuffer): Uint32Array
  write(kept: IndexBuffer, entry: number): void
}

interface LateIndexOptions {
  /** The column of `indexed` that tells how far the index reaches. */
  column: 'formulas' | 'answers'
  /** Selects `seq`, `hash` and `text` of the rows behind a seq, in order of seq. */
  rowsAfter: StatementSync
  targets: Target[]
}

/**
 * An index that is written late and in order. New rows are hashed, so their entries belong all over an index: written at
 * once, each would put a page of its own into the log, the largest part of a commit by far. They are kept in memory
 * instead and written thousands at a time, sorted, slice by slice. The rows themselves are on disk, so what a process that
 * died had kept is read again.
 */
export class LateIndex implements Chore {
  readonly #options: LateIndexOptions
  readonly #reach: StatementSync
  readonly #setReach: StatementSync
  #kept = new IndexBuffer()
  #writing: { kept: IndexBuffer; work: { target: Target; order: Uint32Array }[]; at: number } | null = null
  /** Rows up to this one are in the index. */
  #indexed = 0
  #fresh = false

  constructor(db: DatabaseSync, options: LateIndexOptions) {
    this.#options = options
    this.#reach = db.prepare(`SELECT ${options.column} AS reach FROM indexed`)
    this.#setReach = db.prepare(`UPDATE indexed SET ${options.column} = ?`)
  }

  get behind(): number {
    if (!this.#fresh) this.catchUp()
    return this.#kept.size + (this.#writing?.kept.size ?? 0)
  }

  /** The last row that the index holds. */
  get indexed(): number {
    return this.#indexed
  }

  /** Keeps the entry of a row that was just added. */
  add(seq: number, hash: number, text: string): void {
    if (this.#fresh) this.#kept.add(seq, hash, text)
  }

  /** The rows that may have this hash and that the index does not hold yet. */
  seqsOf(hash: number): readonly number[] {
    if (!this.#fresh) this.catchUp()
    const seqs = this.#kept.seqsOf(hash)
    const earlier = this.#writing?.kept.seqsOf(hash) ?? []
    return earlier.length === 0 ? seqs : [...earlier, ...seqs]
  }

  /** Takes notice of what another connection, or a statement that adds many, has written. */
  catchUp(): void {
    const { reach } = this.#reach.get() as { reach: number }
    if (reach !== this.#indexed) this.forget()
    this.#indexed = reach
    const known = this.#kept.last ?? this.#writing?.kept.last ?? reach
    for (const row of this.#options.rowsAfter.iterate(known)) {
      this.#kept.add(row.seq as number, row.hash as number, row.text as string)
    }
    this.#fresh = true
  }

  forget(): void {
    this.#kept = new IndexBuffer()
    this.#writing = null
    this.#fresh = false
  }

  doSlice(): boolean {
    this.#writing ??= this.#begin()
    const { kept, work, at } = this.#writing
    const [next] = work
    if (next === undefined) {
      this.#indexed = kept.last ?? this.#indexed
      this.#setReach.run(this.#indexed)
      this.#writing = null
      return false
    }
    for (const entry of next.order.subarray(at, at + SLICE)) next.target.write(kept, entry)
    this.#writing.at += SLICE
    if (this.#writing.at >= next.order.length) {
      work.shift()
      this.#writing.at = 0
    }
    return true
  }

  #begin() {
    if (!this.#fresh) this.catchUp()
    const kept = this.#kept
    this.#kept = new IndexBuffer()
    return { kept, work: this.#options.targets.map((target) => ({ target, order: target.order(kept) })), at: 0 }
  }
}
