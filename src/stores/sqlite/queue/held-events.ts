import type { DatabaseSync } from 'node:sqlite'
import type { FormulaEvent } from '../../ports.ts'
import type { EventLog } from './event-log.ts'
import { heldStatements } from './event-statements.ts'

/** The queue's part of sagas: events that nobody sees yet, and marks of what became of the attempts. */
export function heldEvents(db: DatabaseSync, log: EventLog) {
  const sql = heldStatements(db)
  const end = (now: number, attempt: string, state: 'released' | 'removed'): void => {
    sql.remove.run(attempt)
    sql.setMark.run(attempt, state, now)
  }
  return {
    publish(now: number, attempt: string, events: FormulaEvent[]): boolean {
      const mark = sql.mark.get(attempt)
      if (mark !== undefined) return mark.state !== 'removed'
      sql.setMark.run(attempt, 'held', now)
      events.forEach(({ id, createdAt, body }, ordinal) => {
        sql.add.run(attempt, ordinal, Buffer.from(id, 'hex'), createdAt, body)
      })
      return true
    },

    /** @returns whether they were appended now */
    release(now: number, attempt: string, events: FormulaEvent[]): boolean {
      const state = sql.mark.get(attempt)?.state
      if (state === 'released' || state === 'removed') return false
      log.append(events)
      end(now, attempt, 'released')
      return events.length > 0
    },

    removeEvents(now: number, attempt: string): void {
      if (sql.mark.get(attempt)?.state !== 'released') end(now, attempt, 'removed')
    },

    sweepMarks: (_now: number, olderThan: number, limit: number): number =>
      Number(sql.sweepMarks.run(olderThan, limit).changes),
  }
}
