import type { FormulaEvent } from '../stores/ports.ts'

/** Most events that one call sends. */
export const BATCH_SIZE = 10

/** What became of an event that was sent. */
export type Sent =
  | { kind: 'taken' }
  /** For a fault of its own: sent again as it is, it would be refused again. */
  | { kind: 'refused'; reason: string }
  /** For a fault of the receiver. */
  | { kind: 'failed'; reason: string }

/** Sends events to a queue that is not ours. */
export interface Sender {
  /**
   * Sends up to `BATCH_SIZE` events in one call.
   * @param signal aborted when nobody waits for the outcome any more
   * @returns what became of each event, in their order
   * @throws {Error} saying why the call failed as a whole; whether events were taken is unknown then
   */
  send(events: FormulaEvent[], signal: AbortSignal): Promise<Sent[]>
  /** Closes its connections. */
  close(): void
}
