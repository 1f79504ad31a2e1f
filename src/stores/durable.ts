import type { Intake, Stores } from './ports.ts'

/** The queue that a database publishes to. */
export interface BoundQueue {
  id: string
  location: string
}

/** The stores of one durable database, and what binds it to its queue. */
export interface DurableStores extends Stores {
  intake: Intake
  boundQueue(): Promise<BoundQueue | null>
  bindQueue(id: string, location: string): Promise<void>
  hasOpenAttempts(): Promise<boolean>
}
