import type { DatabaseSync } from 'node:sqlite'

/** Work that can wait, done in slices. */
export interface Chore {
  /** The number of entries that are left to do. */
  readonly backlog: number
  /** Does one slice within the caller's transaction. @returns whether more is left */
  doSlice(): boolean
  /** Drops the unfinished work in memory, after a rollback. */
  forget(): void
}

/** Under load, work starts at this backlog: the larger the backlog, the more entries share each page written. */
const BUSY_BACKLOG = 65536
/** After this long without a batch, in milliseconds, any backlog is worked off. */
const IDLE_MS = 500

/** Runs chores between the writer's batches, one slice at a time. */
export class Upkeep {
  readonly #db: DatabaseSync
  readonly #chores: Chore[]
  #current: Chore | null = null
  #busy = false

  constructor(db: DatabaseSync, chores: Chore[]) {
    this.#db = db
    this.#chores = chores
  }

  /** Starts to work off any backlog whenever the writer is idle. */
  watch(): void {
    setInterval(() => this.#whenIdle(), IDLE_MS).unref()
  }

  afterBatch(): void {
    this.#busy = true
    this.#doSlice(BUSY_BACKLOG)
  }

  #whenIdle(): void {
    if (!this.#busy && this.#doSlice(1)) setImmediate(() => this.#whenIdle())
    this.#busy = false
  }

  /** @returns whether more may be left */
  #doSlice(leastBacklog: number): boolean {
    this.#current ??= this.#chores.find(({ backlog }) => backlog >= leastBacklog) ?? null
    if (this.#current === null) return false
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      const more = this.#current.doSlice()
      this.#db.exec('COMMIT')
      if (!more) this.#current = null
      return true
    } catch {
      // Retried later. If the disk is broken, the next submission reports it.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      this.#current?.forget()
      this.#current = null
      return false
    }
  }
}
