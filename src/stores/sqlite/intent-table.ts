import type { DatabaseSync } from 'node:sqlite'
import { isoTime } from '../../kit/clock.ts'
import {
  type Cleanup,
  ERASING,
  type FormulaEvent,
  HEAD_START_MS,
  type Holder,
  type NewFormula,
  ORPHANED,
  type StoredFormula,
} from '../ports.ts'
import { EmptyTableCache, prepare } from './statements.ts'
import type { LateIndex } from './upkeep/late-index.ts'

export interface Intent {
  id: string
  slot: string
  payload: string
  submissionId: string
  state: 'pending' | 'completed' | 'rolling-back' | 'erasing'
  /** With the sequence numbers of their formulas once the intent is completed. An erasure has one, without a body. */
  events: FormulaEvent[]
  kept: string
  /** The sequence number of the first formula that was added, or of the erased one; 0 until the intent is completed. */
  firstAdded: number
  attempts: number
}

type IntentRow = Omit<Intent, 'events'> & {
  /** JSON, without sequence numbers. */
  events: string
  reason: string
  decidedAt: number
  nextAttemptAt: number
}

const SELECT = `SELECT id, lower(hex(slot)) AS slot, lower(hex(payload)) AS payload, submission AS submissionId, state, events,
   kept, first_added AS firstAdded, reason, attempts, decided_at AS decidedAt, next_attempt_at AS nextAttemptAt FROM intents`

const HOLDER = `iif(state = 'pending', 'submission', 'cleanup') AS holder`

/** The intents of sagas. One that is rolling back or erasing is a cleanup. */
export function intentTable(db: DatabaseSync) {
  const cache = new EmptyTableCache(db, 'intents')
  const sql = prepare(db, {
    get: `${SELECT} WHERE id = ?`,
    running: `SELECT lower(hex(payload)) AS payload, ${HOLDER}, events ->> '$[0].createdAt' AS submittedAt
     FROM intents WHERE slot = ? AND state <> 'completed'`,
    insert: `INSERT INTO intents (id, slot, payload, submission, state, events, kept, decided_at, next_attempt_at)
     VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?)`,
    complete: `UPDATE intents SET state = 'completed', first_added = ?, decided_at = ?, next_attempt_at = ? WHERE id = ?`,
    abandon: `UPDATE intents SET state = 'rolling-back', reason = ?, decided_at = ?, next_attempt_at = ? WHERE id = ?`,
    remove: 'DELETE FROM intents WHERE id = ?',
    insertErasure: `INSERT INTO intents
     (id, slot, payload, submission, state, events, kept, first_added, reason, decided_at, next_attempt_at)
     VALUES (?, x'', x'', '', 'erasing', ?, '', ?, '${ERASING}', ?, ?)`,
    unreleased: `${SELECT} WHERE state = 'completed' AND ? BETWEEN first_added AND first_added + json_array_length(events) - 1`,
    due: `${SELECT} WHERE state <> 'pending' AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ?`,
  })
  return {
    hasRows: (): boolean => cache.hasRows,
    reload: (): void => cache.invalidate(),
    get(id: string): Intent | null {
      const row = sql.get.get(id)
      return row === undefined ? null : toIntent(row as unknown as IntentRow)
    },
    running(slot: string): { payload: string; holder: Holder; submittedAt: number } | null {
      const row = sql.running.get(Buffer.from(slot, 'hex'))
      return row === undefined ? null : (row as { payload: string; holder: Holder; submittedAt: number })
    },
    add(now: number, intent: Pick<Intent, 'id' | 'slot' | 'payload' | 'submissionId' | 'events' | 'kept'>): void {
      const { id, submissionId, events, kept } = intent
      const [slot, payload] = [Buffer.from(intent.slot, 'hex'), Buffer.from(intent.payload, 'hex')]
      sql.insert.run(id, slot, payload, submissionId, JSON.stringify(events), kept, now, now)
      cache.invalidate()
    },
    // A decided intent is due only after a head start for the process that runs the attempt.
    complete: (now: number, id: string, firstAdded: number): unknown =>
      sql.complete.run(firstAdded, now, now + HEAD_START_MS, id),
    abandon: (now: number, id: string, reason: string): unknown =>
      sql.abandon.run(reason, now, now + HEAD_START_MS, id),
    remove(id: string): void {
      sql.remove.run(id)
      cache.invalidate()
    },
    addErasure(now: number, id: string, { id: erased, seq }: Pick<StoredFormula, 'id' | 'seq'>): void {
      const event: FormulaEvent = { id: erased, seq: null, createdAt: 0, body: '' }
      sql.insertErasure.run(id, JSON.stringify([event]), seq, now, now + HEAD_START_MS)
      cache.invalidate()
    },
    /** The intent whose events are not released yet, if it added the formula with this number. */
    unreleased: (seq: number): Intent[] => (sql.unreleased.all(seq) as unknown as IntentRow[]).map(toIntent),
    due: (now: number, limit: number): Intent[] => (sql.due.all(now, limit) as unknown as IntentRow[]).map(toIntent),
  }
}

/** The recovery worker's commands on intents. */
export function cleanupCommands(db: DatabaseSync) {
  const sql = prepare(db, {
    adopt: `UPDATE intents SET state = 'rolling-back', reason = ?, decided_at = ? WHERE state = 'pending'`,
    hasten: 'UPDATE intents SET next_attempt_at = ?',
    list: `${SELECT} WHERE state IN ('rolling-back', 'erasing') ORDER BY decided_at, id LIMIT ?`,
    oldest: `SELECT min(decided_at) AS at FROM intents WHERE state = 'completed'`,
    postpone: `UPDATE intents SET attempts = attempts + 1, reason = ?, next_attempt_at = ? WHERE id = ? AND state <> 'pending'`,
    retry: `UPDATE intents SET next_attempt_at = ? WHERE id = ? AND state IN ('rolling-back', 'erasing')`,
  })
  return {
    adoptOrphans(now: number): number {
      const orphans = Number(sql.adopt.run(ORPHANED, now).changes)
      sql.hasten.run(now)
      return orphans
    },
    listCleanups: (_now: number, limit: number): Cleanup[] =>
      (sql.list.all(limit) as unknown as IntentRow[]).map(toCleanup),
    oldestUnfinished: (): number | null => (sql.oldest.get()?.at ?? null) as number | null,
    postpone: (_now: number, id: string, reason: string, nextAttemptAt: number): void =>
      void sql.postpone.run(reason, nextAttemptAt, id),
    retryCleanup: (now: number, id: string): boolean => sql.retry.run(now, id).changes === 1,
  }
}

const readEvents = ({ events }: IntentRow): FormulaEvent[] => JSON.parse(events)

function toIntent(row: IntentRow): Intent {
  const events = readEvents(row)
  if (row.firstAdded === 0) return { ...row, events }
  return { ...row, events: events.map((event, n) => ({ ...event, seq: row.firstAdded + n })) }
}

const toCleanup = (row: IntentRow): Cleanup => ({
  id: row.id,
  formulaIds: readEvents(row).map(({ id }) => id),
  reason: row.reason,
  attempts: row.attempts,
  createdAt: isoTime(row.decidedAt),
  nextAttemptAt: isoTime(row.nextAttemptAt),
})

/** The formulas of unfinished sagas. They claim their compositions and are not visible. Of one that is erased, only the fingerprint is left. */
export function pendingTable(db: DatabaseSync, index: LateIndex) {
  const sql = prepare(db, {
    holder: `SELECT ${HOLDER} FROM pending JOIN intents ON intents.id = pending.intent WHERE fingerprint = ?`,
    erasure: `SELECT intent FROM pending JOIN intents ON intents.id = pending.intent
     WHERE fingerprint = ? AND state = 'erasing'`,
    insert: 'INSERT INTO pending VALUES (?, ?, ?, ?, ?)',
    show: `INSERT INTO formulas (seq, fingerprint, search, document)
     SELECT ? + ordinal, fingerprint, search, document FROM pending WHERE intent = ? ORDER BY ordinal`,
    remove: 'DELETE FROM pending WHERE intent = ?',
  })
  return {
    holderOf: (id: string): Holder | null => (sql.holder.get(Buffer.from(id, 'hex'))?.holder ?? null) as Holder | null,
    /** The erasure that is owed for this composition. */
    erasureOf: (id: string): string | null =>
      (sql.erasure.get(Buffer.from(id, 'hex'))?.intent ?? null) as string | null,
    add(intent: string, formulas: Omit<NewFormula, 'eventBody'>[]): void {
      formulas.forEach(({ id, searchKey, document }, ordinal) => {
        sql.insert.run(intent, ordinal, Buffer.from(id, 'hex'), searchKey, document)
      })
    },
    /** Makes them visible, with sequence numbers from `first` on. */
    show(intent: string, first: number): void {
      sql.show.run(first, intent)
      sql.remove.run(intent)
      index.catchUp()
    },
    remove: (intent: string): unknown => sql.remove.run(intent),
  }
}

/** Tombstones of submissions and attempts that can no longer be accepted. */
export function givenUpTable(db: DatabaseSync) {
  const cache = new EmptyTableCache(db, 'given_up')
  const sql = prepare(db, {
    has: 'SELECT 1 FROM given_up WHERE id = ?',
    add: 'INSERT OR IGNORE INTO given_up VALUES (?, ?)',
    remove: 'DELETE FROM given_up WHERE id = ?',
    sweep: 'DELETE FROM given_up WHERE id IN (SELECT id FROM given_up WHERE at < ? ORDER BY at LIMIT ?)',
  })
  return {
    reload: (): void => cache.invalidate(),
    has: (id: string): boolean => cache.hasRows && sql.has.get(id) !== undefined,
    add(now: number, id: string): void {
      sql.add.run(id, now)
      cache.invalidate()
    },
    /** Inserts and deletes an id that no submission has, so that a file that cannot be written throws. */
    tryOut(now: number): void {
      sql.add.run('', now)
      sql.remove.run('')
    },
    sweep(olderThan: number, limit: number): void {
      sql.sweep.run(olderThan, limit)
      cache.invalidate()
    },
  }
}
