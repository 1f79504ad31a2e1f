import type { EngineOptions, EventQueue, Intake, Stores } from '../ports.ts'
import { MemoryCleanupQueue } from './cleanup-queue.ts'
import { MemoryEventQueue } from './event-queue.ts'
import { MemoryFormulaDb } from './formula-db.ts'
import { MemoryIdempotencyStore } from './idempotency-store.ts'
import { MemoryIntake } from './intake.ts'

/** Opens stores that live in this process and die with it. No method waits within its work, so each is atomic. */
export function openMemory(options: EngineOptions): Stores & { intake: Intake } {
  const { clock } = options
  const idempotency = new MemoryIdempotencyStore(options)
  const db = new MemoryFormulaDb(clock, idempotency)
  const queue = new MemoryEventQueue(options)
  const cleanups = new MemoryCleanupQueue(clock, db.intents)
  const intake = new MemoryIntake(clock, db, queue, idempotency)
  return { db, queue, idempotency, cleanups, intake, close: async () => {} }
}

/** Opens a queue alone, for a database that lies elsewhere. */
export function openMemoryQueue(options: Pick<EngineOptions, 'clock' | 'maxReceives'>): EventQueue {
  return new MemoryEventQueue(options)
}
