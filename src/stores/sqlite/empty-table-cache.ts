import type { DatabaseSync } from 'node:sqlite'

/** Whether a table that mostly is empty holds anything. Only this connection writes to it, so it is seldom asked. */
export class EmptyTableCache {
  readonly #ask: () => boolean
  #known: boolean | null = null

  constructor(db: DatabaseSync, table: 'intents' | 'given_up') {
    const statement = db.prepare(`SELECT EXISTS (SELECT 1 FROM ${table}) AS any`)
    this.#ask = () => statement.get()?.any === 1
  }

  get any(): boolean {
    this.#known ??= this.#ask()
    return this.#known
  }

  /** To be told whenever rows were added or removed, or a transaction was rolled back. */
  changed(): void {
    this.#known = null
  }
}
