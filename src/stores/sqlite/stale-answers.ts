import type { DatabaseSync } from 'node:sqlite'
import type { Chore } from './durability/upkeep.ts'

/** Entries looked at in one transaction. */
const SLICE = 2_048

/**
 * Rids the index of answers of those that have expired. It goes through the index from end to end, once as many have
 * gone as are left: taken out as they expire, each would cost a page of its own.
 */
export function staleAnswers(db: DatabaseSync): Chore {
  const ends = db.prepare(
    `SELECT (SELECT min(seq) FROM answers) AS first, (SELECT max(seq) FROM answers) AS last, answers_gone AS gone
     FROM indexed`,
  )
  const setGone = db.prepare('UPDATE indexed SET answers_gone = ?')
  const sliceEnd = db.prepare(`SELECT hash FROM answers_by_hash WHERE hash > ? ORDER BY hash LIMIT 1 OFFSET ${SLICE}`)
  const remove = db.prepare('DELETE FROM answers_by_hash WHERE hash > ? AND hash <= ? AND seq < ?')
  let pass: { first: number; from: number } | null = null

  const first = (): number => (ends.get() as { first: number | null }).first ?? 1
  return {
    get behind() {
      const { first, last, gone } = ends.get() as Record<'first' | 'last' | 'gone', number | null>
      if (first === null || last === null) return 0
      const stale = first - 1 - (gone ?? 0)
      return stale > last - first ? stale : 0
    },
    doSlice() {
      pass ??= { first: first(), from: -1 }
      const end = sliceEnd.get(pass.from)?.hash as number | undefined
      remove.run(pass.from, end ?? Number.MAX_SAFE_INTEGER, pass.first)
      if (end !== undefined) {
        pass.from = end
        return true
      }
      setGone.run(pass.first - 1)
      pass = null
      return false
    },
    forget() {
      pass = null
    },
  }
}
