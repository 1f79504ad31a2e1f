import type { DatabaseSync } from 'node:sqlite'
import { prepare } from '../prepare.ts'
import type { Chore } from './upkeep.ts'

/** Entries looked at in one transaction. */
const SLICE = 2_048

/**
 * Rids the index of answers of those that have expired. It goes through the index from end to end, once as many have
 * gone as are left: taken out as they expire, each would cost a page of its own.
 */
export function staleAnswers(db: DatabaseSync): Chore {
  const sql = prepare(db, {
    ends: `SELECT (SELECT min(seq) FROM answers) AS first, (SELECT max(seq) FROM answers) AS last,
       answers_gone AS gone FROM indexed`,
    setGone: 'UPDATE indexed SET answers_gone = ?',
    sliceEnd: `SELECT prefix FROM answers_by_prefix WHERE prefix > ? ORDER BY prefix LIMIT 1 OFFSET ${SLICE}`,
    remove: 'DELETE FROM answers_by_prefix WHERE prefix > ? AND prefix <= ? AND seq < ?',
  })
  let pass: { first: number; from: number } | null = null

  const first = (): number => (sql.ends.get() as { first: number | null }).first ?? 1
  return {
    get behind() {
      const { first, last, gone } = sql.ends.get() as Record<'first' | 'last' | 'gone', number | null>
      if (first === null || last === null) return 0
      const stale = first - 1 - (gone ?? 0)
      return stale > last - first ? stale : 0
    },
    doSlice() {
      pass ??= { first: first(), from: -1 }
      const end = sql.sliceEnd.get(pass.from)?.prefix as number | undefined
      sql.remove.run(pass.from, end ?? Number.MAX_SAFE_INTEGER, pass.first)
      if (end !== undefined) {
        pass.from = end
        return true
      }
      sql.setGone.run(pass.first - 1)
      pass = null
      return false
    },
    forget() {
      pass = null
    },
  }
}
