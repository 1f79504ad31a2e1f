import type { DeadEvent } from '../ports.ts'

/**
 * The rows that are moved from one store to another, one type per table. Times are milliseconds since the epoch;
 * fingerprints and hashes are in hex.
 */
export interface MovedFormula {
  seq: number
  /** The fingerprint. */
  id: string
  searchKey: string
  document: string
}

export interface MovedAnswer {
  /** Its number in the source, from which an interrupted move resumes. */
  seq: number
  /** See `slotOf`. */
  slot: string
  payload: string
  /** Without hyphens. */
  submission: string
  status: number
  /** See kept-answer.ts. */
  kept: string
  /**
   * The first sequence number of the formulas that the submission added, which are consecutive; 0 when it added none.
   */
  firstAdded: number
  /** The number of formulas it added. */
  added: number
  submittedAt: number
  expiresAt: number
}

/** The fingerprint of an erased formula. */
export type MovedErased = Pick<MovedFormula, 'seq' | 'id'>

/** An event of the log. Id, formula and body are null once it is erased. */
export interface MovedEvent {
  position: number
  id: string | null
  /** The sequence number of its formula. */
  formula: number | null
  createdAt: number
  body: string | null
}

export interface MovedSubscription {
  id: number
  name: string
  createdAt: number
  paused: boolean
  /** The position of the last event handed out. */
  position: number
}

/** An event that a subscription has taken and not acknowledged. A leased one is moved as `returned`. */
export interface MovedDelivery {
  /** The id of the subscription. */
  subscription: number
  position: number
  state: 'returned' | 'delayed' | 'redriven' | 'dead'
  /** returned: the position; delayed: when the delay ends; redriven or dead: the number of the redrive or death. */
  rank: number
  receives: number
  /** The head of the log at the redrive; null in other states. */
  after: number | null
  /** Null unless dead, like the reason. */
  diedAt: number | null
  reason: DeadEvent['reason'] | null
  /** The reason given with the last nack. */
  detail: string | null
  /** A copy of the event if the delivery is or was dead, else four nulls. */
  id: string | null
  formula: number | null
  createdAt: number | null
  body: string | null
}

/** The queue's mark of a saga's attempt. */
export interface MovedMark {
  attempt: string
  state: string
  at: number
}

/** The rows of each table. */
export interface MovedRows {
  formulas: MovedFormula
  answers: MovedAnswer
  erased: MovedErased
  events: MovedEvent
  subscriptions: MovedSubscription
  deliveries: MovedDelivery
  marks: MovedMark
}

export type MovedTable = keyof MovedRows

/** The columns of each table that are written and compared. */
export const MOVED_COLUMNS: { readonly [T in MovedTable]: readonly (keyof MovedRows[T])[] } = {
  formulas: ['seq', 'id', 'searchKey', 'document'],
  answers: ['slot', 'payload', 'submission', 'status', 'kept', 'firstAdded', 'added', 'submittedAt', 'expiresAt'],
  erased: ['seq', 'id'],
  events: ['position', 'id', 'formula', 'createdAt', 'body'],
  subscriptions: ['id', 'name', 'createdAt', 'paused', 'position'],
  deliveries: [
    ...(['subscription', 'position', 'state', 'rank', 'receives', 'after', 'diedAt', 'reason', 'detail'] as const),
    ...(['id', 'formula', 'createdAt', 'body'] as const),
  ],
  marks: ['attempt', 'state', 'at'],
}

/** The last number assigned by each counter. Numbers are never reused, even when their rows are gone. */
export interface MovedNumbers {
  /** The sequence number of a formula. */
  formula: number
  /** The head of the log. */
  position: number
  /** The number of a death or a redrive. */
  death: number
}

/** The identity of a store, and the queue it publishes to. */
export interface MovedIdentity {
  storeId: string
  queueId: string | null
  queueLocation: string | null
}
