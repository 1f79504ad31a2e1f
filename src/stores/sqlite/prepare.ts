import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Named statements, each prepared when it is first used: to open a store, few of them are needed. */
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
