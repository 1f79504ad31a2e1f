import type { DatabaseSync } from 'node:sqlite'
import type { Holder, NewFormula } from '../ports.ts'
import { pendingStatements } from './formula-statements.ts'
import { prefixOf } from './formula-table.ts'
import type { LateIndex } from './upkeep/late-index.ts'

/** Formulas of sagas that are not finished: claimed, and shown to nobody. */
export function pendingTable(db: DatabaseSync, index: LateIndex) {
  const sql = pendingStatements(db)
  return {
    holderOf(id: string): Holder | null {
      const row = sql.holder.get(prefixOf(id), Buffer.from(id, 'hex')) as { state: string } | undefined
      if (row === undefined) return null
      return row.state === 'pending' ? 'submission' : 'cleanup'
    },
    add(intent: string, formulas: NewFormula[]): void {
      formulas.forEach(({ id, searchKey, document }, ordinal) => {
        sql.insert.run(intent, ordinal, prefixOf(id), Buffer.from(id, 'hex'), searchKey, document)
      })
    },
    /** Makes them visible, with sequence numbers from `first` on. */
    show(intent: string, first: number): void {
      sql.show.run(first, intent)
      sql.remove.run(intent)
      index.catchUp()
    },
    remove(intent: string): void {
      sql.remove.run(intent)
    },
  }
}

export type PendingTable = ReturnType<typeof pendingTable>
