import { cleanupQueueContract } from './cleanup-queue.ts'
import { eventQueueContract } from './event-queue.ts'
import { formulaDbContract } from './formula-db.ts'
import { idempotencyStoreContract } from './idempotency-store.ts'
import { intakeContract } from './intake.ts'
import type { OpenStores } from './open-stores.ts'

/** Every promise of an engine that holds all stores. */
export function storesContract(name: string, open: OpenStores, orphanAfterMs = 0): void {
  formulaDbContract(name, open)
  eventQueueContract(name, open)
  idempotencyStoreContract(name, open)
  cleanupQueueContract(name, open, orphanAfterMs)
  intakeContract(name, open)
}
