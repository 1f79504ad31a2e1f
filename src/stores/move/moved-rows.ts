import type { DeadEvent, StoredAnswer } from '../ports.ts'

/** Rows as they are moved from one store to another; times are milliseconds since the epoch. */
export interface MovedFormula {
  seq: number
  /** The fingerprint, in hex. */
  id: string
  name: string
  /** As JSON. */
  materials: string
  createdAt: number
}

export interface MovedAnswer extends StoredAnswer {
  seq: number
  caller: string
  key: string
  /** In hex. */
  payload: string
  submission: string
  expiresAt: number
}

export interface MovedEvent {
  /** Where it stands in the queue; of a dead letter, its number among them. */
  position: number
  id: string
  name: string
  createdAt: number
  receives: number
  /** Where it is; what is leased comes back to the front. */
  state: 'ready' | 'returned' | 'delayed' | 'dead'
  /** When the delay ends, or when it died; 0 else. */
  at: number
  /** Why it died; '' else. */
  reason: DeadEvent['reason'] | ''
  /** Where its submission is seen in a trace; null where it is not. */
  traceparent: string | null
}

/** What the queue remembers of a saga's attempt. */
export interface MovedMark {
  attempt: string
  state: string
  at: number
}

/** Who a store is, and which queue its events go to. */
export interface MovedIdentity {
  storeId: string
  queueId: string | null
  queueLocation: string | null
  /** The numbers that have been given to events and deaths. */
  lastPosition: number
}
