import type { Page } from './formula-db.ts'

/** "Formula created": tells consumers of one new formula. */
export interface FormulaEvent {
  /** The formula's id. */
  id: string
  /** The sequence number of the formula; null until its submission is complete. */
  seq: number | null
  /** When the formula was accepted, in milliseconds since the epoch. */
  createdAt: number
  /** What it says beside id and time, as a JSON object. */
  body: string
}

export interface LeasedEvent extends FormulaEvent {
  /** Opaque token of this lease, which also says whose it is; fences off holders of earlier leases. */
  receipt: string
  /** How often the event has been leased in this subscription, this time included. */
  receiveCount: number
  /** In milliseconds since the epoch. */
  leasedUntil: number
}

export interface Received {
  events: LeasedEvent[]
  /** When the next leased or delayed event may become ready, in ms since the epoch by this process's clock; null: never. */
  nextDueAt: number | null
}

/** Which receipts still held their lease. One that stands twice in a call counts once. */
export interface Settled {
  accepted: number
  stale: string[]
}

export interface DeadEvent extends FormulaEvent {
  receiveCount: number
  /** In milliseconds since the epoch. */
  diedAt: number
  reason: 'expired' | 'nacked'
  /** What was said with its last nack; null where nothing was. */
  detail: string | null
}

/** How many events of a subscription are in which state. */
export interface QueueStats {
  ready: number
  leased: number
  delayed: number
  dead: number
  /** Null when none is ready. */
  oldestReadyAgeSeconds: number | null
}

/** A named reader of the event log, with a position of its own. */
export interface Subscription extends QueueStats {
  name: string
  /** In milliseconds since the epoch. */
  createdAt: number
  /** While it is, nothing is handed out. */
  paused: boolean
}

/**
 * A place in the event log: before the oldest event kept, behind the newest, or before the first in the order of the log
 * whose `createdAt` is not before a time (ms since the epoch; `end` when there is none).
 */
export type LogPlace = 'start' | 'end' | number

/** The subscription that is there from the start, and cannot be removed. */
export const DEFAULT_SUBSCRIPTION = 'default'
/** Most subscriptions of a queue. */
export const MAX_SUBSCRIPTIONS = 100

/**
 * An append-only log of "formula created" events, in the order of commits and without gaps, and the subscriptions that
 * read it. A subscription gets every event behind its place, first in, first out; what it has out of line (leased, delayed,
 * given back, dead) is a delivery of its own. Methods with a subscription throw {UnknownSubscription} for one that is not
 * there, and all throw {StoreUnavailable} when the engine cannot be reached.
 */
export interface EventQueue {
  /** Tells this queue from any other, wherever it lies. */
  identity(): Promise<string>
  /**
   * Saga, step 2: takes in events that nobody sees before they are released. Repeating it is no error.
   * @returns false when the attempt was removed before: a publish that arrives late is refused
   */
  publish(attemptId: string, events: FormulaEvent[]): Promise<boolean>
  /** Saga, step 4: appends the events to the log. Also when the queue has lost them; repeating it is no error. */
  release(attemptId: string, events: FormulaEvent[]): Promise<void>
  /** Removes an attempt's held events, and leaves a tombstone. Removing what is not there is no error. */
  remove(attemptId: string): Promise<void>
  /** Removes up to `limit` tombstones and other marks of attempts older than `olderThan` (ms since the epoch). */
  sweep(olderThan: number, limit: number): Promise<number>
  /**
   * Removes up to `limit` events from the front of the log: those older than `olderThan` (ms since the epoch) that every
   * subscription is past, with no delivery of it left but a dead one, which has a copy.
   * @returns how many
   */
  trim(olderThan: number, limit: number): Promise<number>
  /**
   * Blanks the event of a formula: it keeps its place, and is handed out and counted no more. Its deliveries and dead
   * letters go at once. Erasing what is not there is no error.
   */
  erase(id: string, seq: number): Promise<void>

  /**
   * Makes a subscription unless it is there; one that is there keeps its place.
   * @returns whether it was made; 'full' when there are `MAX_SUBSCRIPTIONS` already
   */
  subscribe(name: string, from: LogPlace): Promise<'made' | 'there' | 'full'>
  /** Removes a subscription with its deliveries. @returns false when there is none of the name */
  unsubscribe(name: string): Promise<boolean>
  /** Every subscription, by name. */
  subscriptions(): Promise<Subscription[]>
  /**
   * Moves a subscription. What it has leased, delayed, given back or redriven is dropped, and so are dead letters behind the
   * new place.
   */
  seek(name: string, to: LogPlace): Promise<void>
  /** Stops handing out, or goes on. Receipts stay good. */
  pause(name: string, paused: boolean): Promise<void>

  /**
   * Leases up to `max` events: those that came back first, then the oldest.
   * @param leaseMs how long each event stays invisible to others, in milliseconds
   */
  receive(subscription: string, max: number, leaseMs: number): Promise<Received>
  /** Ends the work on events for good. Stale and unknown receipts change nothing. */
  ack(receipts: string[]): Promise<Settled>
  /**
   * Gives events back: to the front at once, or after `delayMs`; to the dead letters after their last lease.
   * @param detail what a dead letter tells of it
   */
  nack(receipts: string[], delayMs: number, detail?: string): Promise<Settled>
  /** Gives events back to the front as if they had not been leased: this receive does not count, so none dies of it. */
  putBack(receipts: string[]): Promise<Settled>
  /** Puts events back whose leases somebody else holds. Those that are not leased are passed over. @returns how many */
  endLeases(subscription: string, ids: string[]): Promise<number>
  /** Lets leases end `leaseMs` from now. @returns also when, in ms since the epoch; null when none was extended */
  extend(receipts: string[], leaseMs: number): Promise<Settled & { leasedUntil: number | null }>
  stats(subscription: string): Promise<QueueStats>
  /** Dead letters, the last to die first. */
  dead(subscription: string, limit: number, before?: number): Promise<Page<DeadEvent>>
  /**
   * Sends dead letters to the back of the line, `receiveCount` starting over; all of them without `ids`. Each is due once
   * everything that is in the log now has been handed out.
   */
  redrive(subscription: string, ids?: string[]): Promise<number>
  /** @returns false when there is no such dead letter */
  removeDead(subscription: string, id: string): Promise<boolean>
  /** Calls `listener` whenever events may have become ready; a hint, not a promise. @returns stops it */
  onReady(listener: () => void): () => void
  /** @throws {StoreUnavailable} when the queue does not answer, or cannot be written */
  probe(): Promise<void>
}
