import type { DatabaseSync } from 'node:sqlite'

/** Work that can wait, done in slices. */
export interface Chore {
  /** How much of it there is, in entries. */
  readonly behind: number
  /** Does a slice, within a transaction of the caller. @returns whether there is more to do */
  doSlice(): boolean
  /** Forgets what it has begun, after a rollback. */
  forget(): void
}

/** So many entries are worth a writing under load: fewer would be scattered over as many pages. */
const WORTH_IT = 8_192
/** How long the writer must have been idle until it does what is left, in milliseconds. */
const IDLE_MS = 500

/** What the writer does between batches: one slice of one chore at a time. */
export class Upkeep {
  readonly #db: DatabaseSync
  readonly #chores: Chore[]
  #current: Chore | null = null
  #busy = false

  constructor(db: DatabaseSync, chores: Chore[]) {
    this.#db = db
    this.#chores = chores
  }

  /** Lets it do what is left whenever the writer is idle. */
  watch(): void {
    setInterval(() => this.#whenIdle(), IDLE_MS).unref()
  }

  afterBatch(): void {
    this.#busy = true
    this.#doSlice(WORTH_IT)
  }

  #whenIdle(): void {
    if (!this.#busy && this.#doSlice(1)) setImmediate(() => this.#whenIdle())
    this.#busy = false
  }

  /** @returns whether there may be more to do */
  #doSlice(worthIt: number): boolean {
    this.#current ??= this.#chores.find(({ behind }) => behind >= worthIt) ?? null
    if (this.#current === null) return false
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      const more = this.#current.doSlice()
      this.#db.exec('COMMIT')
      if (!more) this.#current = null
      return true
    } catch {
      // It can wait; whoever cannot is told of what is wrong with the disk.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      this.#current?.forget()
      this.#current = null
      return false
    }
  }
}
