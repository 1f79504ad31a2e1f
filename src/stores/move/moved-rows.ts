import type { DeadEvent } from '../ports.ts'

/**
 * Rows as they are moved from one store to another, one type a table. Times are milliseconds since the epoch,
 * fingerprints and hashes are in hex. Documents and bodies of events are copied as they are.
 */
export interface MovedFormula {
  seq: number
  /** The fingerprint. */
  id: string
  searchKey: string
  document: string
}

export interface MovedAnswer {
  /** Its number in the store it comes from, by which a move is taken up again. */
  seq: number
  /** As `slotOf` makes it. */
  slot: string
  payload: string
  submission: string
  status: number
  /** See kept-answer.ts. */
  kept: string
  /** The sequence number of the first formula that the submission added, 0 where there is none; the others follow on it. */
  firstAdded: number
  /** How many it added. */
  added: number
  expiresAt: number
}

/** An event of the log. Id, formula and body are null in one that was erased. */
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
  /** The last position handed out. */
  position: number
}

/** What a subscription has out of line. One that was leased comes back to the front: it is `returned`. */
export interface MovedDelivery {
  /** The id of the subscription. */
  subscription: number
  position: number
  state: 'returned' | 'delayed' | 'redriven' | 'dead'
  /** Its position when returned; when it is due; its number among those redriven; the number of its death. */
  rank: number
  receives: number
  /** The head of the log when it was redriven; null in other states. */
  after: number | null
  /** Null unless it is dead, as is the reason. */
  diedAt: number | null
  reason: DeadEvent['reason'] | null
  /** What was said with its last nack. */
  detail: string | null
  /** The copy of its event, of one that is or was dead; four nulls in others. */
  id: string | null
  formula: number | null
  createdAt: number | null
  body: string | null
}

/** What the queue remembers of a saga's attempt. */
export interface MovedMark {
  attempt: string
  state: string
  at: number
}

/** The last numbers given; none is given twice, also where the rows that had them are gone. */
export interface MovedNumbers {
  /** To a formula, as its sequence number. */
  formula: number
  /** To an event: the head of the log. */
  position: number
  /** To a death or a redrive. */
  death: number
}

/** Who a store is, and which queue its events go to. */
export interface MovedIdentity {
  storeId: string
  queueId: string | null
  queueLocation: string | null
}
