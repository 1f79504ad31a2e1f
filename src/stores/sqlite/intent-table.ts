import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { isoTime } from '../../kit/clock.ts'
import { decisionOf } from '../decide.ts'
import {
  type Cleanup,
  type FormulaEvent,
  HEAD_START_MS,
  type Holder,
  type OpenAttempt,
  type StoredAnswer,
  type Submission,
} from '../ports.ts'
import { type Slot, slotOf } from './answer-table.ts'
import { EmptyTableCache } from './empty-table-cache.ts'

export interface Intent {
  id: string
  caller: string
  key: string
  payload: string
  submission: string
  state: 'pending' | 'completed' | 'rolling-back'
  events: FormulaEvent[]
  answer: StoredAnswer
}

type Row = Record<string, SQLOutputValue>

/** The intents of sagas; one that is rolling back is a cleanup. */
export function intentTable(db: DatabaseSync) {
  const occupied = new EmptyTableCache(db, 'intents')
  const get = db.prepare('SELECT * FROM intents WHERE id = ?')
  const running = db.prepare(
    `SELECT payload, state FROM intents WHERE hash = ? AND key = ? AND caller = ? AND state <> 'completed'`,
  )
  const insert = db.prepare(
    `INSERT INTO intents (id, hash, caller, key, payload, submission, state, events, status, location, body,
       decided_at, next_attempt_at) VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?)`,
  )
  const decide = db.prepare(
    'UPDATE intents SET state = ?, reason = ?, decided_at = ?, next_attempt_at = ? WHERE id = ?',
  )
  const remove = db.prepare('DELETE FROM intents WHERE id = ?')
  const adopt = db.prepare(
    `UPDATE intents SET state = 'rolling-back', reason = ?, decided_at = ? WHERE state = 'pending'`,
  )
  const hasten = db.prepare('UPDATE intents SET next_attempt_at = ?')
  const list = db.prepare(`SELECT * FROM intents WHERE state = 'rolling-back' ORDER BY decided_at, id LIMIT ?`)
  const due = db.prepare(
    `SELECT * FROM intents WHERE state <> 'pending' AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ?`,
  )
  const oldest = db.prepare(`SELECT min(decided_at) AS at FROM intents WHERE state = 'completed'`)
  const postpone = db.prepare(
    `UPDATE intents SET attempts = attempts + 1, reason = ?, next_attempt_at = ? WHERE id = ? AND state <> 'pending'`,
  )
  const retry = db.prepare(`UPDATE intents SET next_attempt_at = ? WHERE id = ? AND state = 'rolling-back'`)
  return {
    /** Whether any saga is under way or owed. */
    any: (): boolean => occupied.any,
    reload: () => occupied.changed(),
    get(id: string): Intent | null {
      const row = get.get(id)
      return row === undefined ? null : toIntent(row)
    },
    running({ hash, caller, key }: Slot): { payload: string; holder: Holder } | null {
      const row = running.get(hash, key, caller)
      if (row === undefined) return null
      return { payload: hex(row.payload), holder: row.state === 'pending' ? 'submission' : 'cleanup' }
    },
    add(
      now: number,
      id: string,
      submission: Pick<Submission, 'id' | 'caller' | 'key' | 'payload'>,
      events: FormulaEvent[],
      answer: StoredAnswer,
    ): void {
      const { caller, key } = submission
      const payload = Buffer.from(submission.payload, 'hex')
      const { status, location, body } = answer
      const text = JSON.stringify(events)
      const { hash } = slotOf(caller, key)
      insert.run(id, hash, caller, key, payload, submission.id, text, status, location, body, now, now)
      occupied.changed()
    },
    /** Left to the one who runs the attempt for a while, before it is due. */
    decide(now: number, id: string, state: 'completed' | 'rolling-back', reason = ''): void {
      decide.run(state, reason, now, now + HEAD_START_MS, id)
    },
    remove(id: string): void {
      remove.run(id)
      occupied.changed()
    },
    adoptOrphans(now: number, reason: string): number {
      const orphans = Number(adopt.run(reason, now).changes)
      hasten.run(now)
      return orphans
    },
    list: (limit: number): Cleanup[] => list.all(limit).map(toCleanup),
    due: (now: number, limit: number): OpenAttempt[] => due.all(now, limit).map(toOpenAttempt),
    oldestCompleted: (): number | null => (oldest.get()?.at ?? null) as number | null,
    postpone(id: string, reason: string, nextAttemptAt: number): void {
      postpone.run(reason, nextAttemptAt, id)
    },
    retry: (now: number, id: string): boolean => retry.run(now, id).changes === 1,
  }
}

const hex = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString('hex')

function toIntent(row: Row): Intent {
  return {
    id: row.id as string,
    caller: row.caller as string,
    key: row.key as string,
    payload: hex(row.payload),
    submission: row.submission as string,
    state: row.state as Intent['state'],
    events: JSON.parse(row.events as string),
    answer: {
      status: row.status as StoredAnswer['status'],
      location: row.location as string | null,
      body: row.body as string,
    },
  }
}

function toCleanup(row: Row): Cleanup {
  return {
    id: row.id as string,
    formulaIds: toIntent(row).events.map(({ id }) => id),
    reason: row.reason as string,
    attempts: row.attempts as number,
    createdAt: isoTime(row.decided_at as number),
    nextAttemptAt: isoTime(row.next_attempt_at as number),
  }
}

function toOpenAttempt(row: Row): OpenAttempt {
  return { id: row.id as string, attempts: row.attempts as number, decision: decisionOf(toIntent(row)) }
}
