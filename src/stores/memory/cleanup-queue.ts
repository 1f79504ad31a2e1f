import { type Clock, isoTime } from '../../kit/clock.ts'
import { decisionOf } from '../decide.ts'
import { type Cleanup, type CleanupQueue, type OpenAttempt, ORPHANED } from '../ports.ts'
import type { Intents } from './intents.ts'

/** What the sagas of a database in memory still owe. */
export class MemoryCleanupQueue implements CleanupQueue {
  readonly #clock: Clock
  readonly #intents: Intents

  constructor(clock: Clock, intents: Intents) {
    this.#clock = clock
    this.#intents = intents
  }

  async adoptOrphans(): Promise<number> {
    const now = this.#clock.now()
    const orphans = this.#intents.pending()
    for (const orphan of orphans) this.#intents.rollBack(orphan, ORPHANED, now, now)
    this.#intents.hasten(now)
    return orphans.length
  }

  async heartbeat(): Promise<void> {}

  async list(limit: number): Promise<Cleanup[]> {
    return this.#intents.rollbacks(limit).map((intent) => ({
      id: intent.id,
      formulaIds: intent.formulas.map(({ id }) => id),
      reason: intent.reason,
      attempts: intent.attempts,
      createdAt: isoTime(intent.decidedAt),
      nextAttemptAt: isoTime(intent.nextAttemptAt),
    }))
  }

  async oldestUnfinished(): Promise<number | null> {
    return this.#intents.oldestCompleted()
  }

  async due(limit: number): Promise<OpenAttempt[]> {
    const due = this.#intents.due(this.#clock.now(), limit)
    return due.map((intent) => ({ id: intent.id, attempts: intent.attempts, decision: decisionOf(intent) }))
  }

  async postpone(id: string, reason: string, nextAttemptAt: number): Promise<void> {
    const intent = this.#intents.get(id)
    if (intent === undefined || intent.state === 'pending') return
    intent.attempts++
    intent.reason = reason
    this.#intents.reschedule(intent, nextAttemptAt)
  }

  async retry(id: string): Promise<boolean> {
    const intent = this.#intents.get(id)
    if (intent?.state !== 'rolling-back') return false
    this.#intents.reschedule(intent, this.#clock.now())
    return true
  }
}
