import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Prepares each named statement at its first use: opening a store needs few of them. */
export function prepare<S extends Record<string, string>>(db: DatabaseSync, sql: S): Record<keyof S, StatementSync> {
  const statements = {} as Record<keyof S, StatementSync>
  for (const [name, text] of Object.entries(sql)) {
    Object.defineProperty(statements, name, {
      configurable: true,
      enumerable: true,
      get() {
        const value = db.prepare(text)
        Object.defineProperty(statements, name, { value, enumerable: true })
        return value
      },
    })
  }
  return statements
}

/** Caches whether a table that is usually empty has rows. Valid because only this connection writes to the table. */
export class EmptyTableCache {
  readonly #statement: StatementSync
  #hasRows: boolean | null = null

  constructor(db: DatabaseSync, table: 'intents' | 'given_up') {
    this.#statement = db.prepare(`SELECT EXISTS (SELECT 1 FROM ${table}) AS found`)
  }

  get hasRows(): boolean {
    this.#hasRows ??= this.#statement.get()?.found === 1
    return this.#hasRows
  }

  /** Call it after every insert, delete and rollback. */
  invalidate(): void {
    this.#hasRows = null
  }
}
