import type { DatabaseSync } from 'node:sqlite'
import { isoTime } from '../../kit/clock.ts'
import { type Cleanup, type FormulaEvent, HEAD_START_MS, type Holder } from '../ports.ts'
import { EmptyTableCache } from './empty-table-cache.ts'
import { type IntentRow, intentStatements } from './intent-statements.ts'

export interface Intent {
  id: string
  slot: string
  payload: string
  submissionId: string
  state: IntentRow['state']
  /** With the sequence numbers of their formulas once it is completed. */
  events: FormulaEvent[]
  kept: string
  /** The first of these numbers; 0 before. */
  firstAdded: number
  attempts: number
}

/** The intents of sagas; one that is rolling back is a cleanup. */
export class IntentTable {
  readonly #occupied: EmptyTableCache
  readonly #sql: ReturnType<typeof intentStatements>

  constructor(db: DatabaseSync) {
    this.#occupied = new EmptyTableCache(db, 'intents')
    this.#sql = intentStatements(db)
  }

  /** Whether any saga is under way or owed. */
  get any(): boolean {
    return this.#occupied.any
  }

  reload(): void {
    this.#occupied.changed()
  }

  get(id: string): Intent | null {
    const row = this.#sql.get.get(id)
    return row === undefined ? null : toIntent(row as unknown as IntentRow)
  }

  running(slot: string): { payload: string; holder: Holder } | null {
    const row = this.#sql.running.get(Buffer.from(slot, 'hex')) as IntentRow | undefined
    if (row === undefined) return null
    return { payload: hex(row.payload), holder: row.state === 'pending' ? 'submission' : 'cleanup' }
  }

  add(now: number, intent: Pick<Intent, 'id' | 'slot' | 'payload' | 'submissionId' | 'events' | 'kept'>): void {
    const { id, slot, payload, submissionId, events, kept } = intent
    const [slotBytes, payloadBytes] = [Buffer.from(slot, 'hex'), Buffer.from(payload, 'hex')]
    this.#sql.insert.run(id, slotBytes, payloadBytes, submissionId, JSON.stringify(events), kept, now, now)
    this.#occupied.changed()
  }

  // One that is decided is left to the one who runs the attempt for a while, before it is due.
  complete(now: number, id: string, firstAdded: number): void {
    this.#sql.complete.run(firstAdded, now, now + HEAD_START_MS, id)
  }

  abandon(now: number, id: string, reason: string): void {
    this.#sql.abandon.run(reason, now, now + HEAD_START_MS, id)
  }

  remove(id: string): void {
    this.#sql.remove.run(id)
    this.#occupied.changed()
  }

  adoptOrphans(now: number, reason: string): number {
    const orphans = Number(this.#sql.adopt.run(reason, now).changes)
    this.#sql.hasten.run(now)
    return orphans
  }

  cleanups(limit: number): Cleanup[] {
    return (this.#sql.cleanups.all(limit) as unknown as IntentRow[]).map(toCleanup)
  }

  due(now: number, limit: number): Intent[] {
    return (this.#sql.due.all(now, limit) as unknown as IntentRow[]).map(toIntent)
  }

  oldestCompleted(): number | null {
    return (this.#sql.oldest.get()?.at ?? null) as number | null
  }

  postpone(id: string, reason: string, nextAttemptAt: number): void {
    this.#sql.postpone.run(reason, nextAttemptAt, id)
  }

  retry(now: number, id: string): boolean {
    return this.#sql.retry.run(now, id).changes === 1
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function toIntent(row: IntentRow): Intent {
  const { id, state, kept, attempts, first_added: firstAdded } = row
  const events: FormulaEvent[] = JSON.parse(row.events)
  return {
    id,
    slot: hex(row.slot),
    payload: hex(row.payload),
    submissionId: row.submission,
    state,
    events: state === 'completed' ? events.map((event, n) => ({ ...event, seq: firstAdded + n })) : events,
    kept,
    firstAdded,
    attempts,
  }
}

const toCleanup = (row: IntentRow): Cleanup => ({
  id: row.id,
  formulaIds: toIntent(row).events.map(({ id }) => id),
  reason: row.reason,
  attempts: row.attempts,
  createdAt: isoTime(row.decided_at),
  nextAttemptAt: isoTime(row.next_attempt_at),
})
