import type { Page } from './formula-db.ts'

/** A "formula created" event. */
export interface FormulaEvent {
  /** The formula's id. */
  id: string
  /** The sequence number of the formula; null until its submission is complete. */
  seq: number | null
  /** When the formula was accepted, in milliseconds since the epoch. */
  createdAt: number
  /** Its other fields, as a JSON object. */
  body: string
}

export interface LeasedEvent extends FormulaEvent {
  /** Opaque fencing token of this lease. It also identifies the subscription. */
  receipt: string
  /** How often the event has been leased in this subscription, including this time. */
  receiveCount: number
  /** In milliseconds since the epoch. */
  leasedUntil: number
}

export interface Received {
  events: LeasedEvent[]
  /** When the next lease or delay ends, in ms since the epoch by this process's clock; null when there is none. */
  nextDueAt: number | null
}

/** The outcome of a call with receipts. A receipt that is given twice counts once. */
export interface Settled {
  /** How many receipts still held their lease. */
  accepted: number
  stale: string[]
}

export interface DeadEvent extends FormulaEvent {
  receiveCount: number
  /** In milliseconds since the epoch. */
  diedAt: number
  reason: 'expired' | 'nacked'
  /** The reason given with the last nack, if any. */
  detail: string | null
}

/** The states of an event that a subscription has still to process. */
export type EventState = 'ready' | 'leased' | 'delayed'

/** An event in one of these states. */
export interface QueuedEvent extends FormulaEvent {
  /** How often it has been leased. */
  receiveCount: number
  /** When its lease or delay ends, in milliseconds since the epoch; null when it is ready. */
  dueAt: number | null
}

export interface EventPage {
  items: QueuedEvent[]
  /** Where the next page of the same subscription and state begins: four numbers; null on the last. */
  next: readonly number[] | null
}

/** Where one event stands in a subscription. */
export interface Delivery {
  subscription: string
  /** `done`: acknowledged, or before the place where the subscription began or was moved to. */
  state: EventState | 'dead' | 'done'
  /** Null when done: it is not kept. */
  receiveCount: number | null
  /** When its lease or delay ends, in milliseconds since the epoch; null in other states. */
  dueAt: number | null
  /** Null unless dead. */
  diedAt: number | null
  /** Null unless dead. */
  reason: DeadEvent['reason'] | null
  /** The reason given with the last nack, if any. */
  detail: string | null
}

/** The number of a subscription's events in each state. */
export interface QueueStats {
  ready: number
  leased: number
  delayed: number
  dead: number
  /** Null when none is ready. */
  oldestReadyAgeSeconds: number | null
}

/** A named reader of the event log with its own position. */
export interface Subscription extends QueueStats {
  name: string
  /** In milliseconds since the epoch. */
  createdAt: number
  /** A paused subscription hands out nothing. */
  paused: boolean
}

/**
 * A place in the event log: before the oldest event, after the newest, or before the first event whose `createdAt` is
 * at or after a time in ms since the epoch (the end when there is none).
 */
export type LogPlace = 'start' | 'end' | number

/** The subscription that always exists. */
export const DEFAULT_SUBSCRIPTION = 'default'
export const SUBSCRIPTION_NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/
/** Maximum number of subscriptions in a queue. */
export const MAX_SUBSCRIPTIONS = 100

/**
 * An append-only log of events, in order of commit and without gaps, and the subscriptions that read it. A subscription
 * gets every event after its position, first in, first out. An event that it has taken and not acknowledged (leased,
 * delayed, given back, dead) is a delivery. Methods of a subscription throw {UnknownSubscription} when it does not
 * exist; all methods throw {StoreUnavailable} when the engine cannot be reached.
 */
export interface EventQueue {
  /** @returns an id that is unique among all queues and survives a move */
  identity(): Promise<string>
  /**
   * Saga, step 2: holds events, invisible until they are released. Idempotent.
   * @returns false when the attempt was removed before: a late publish is refused
   */
  publish(attemptId: string, events: FormulaEvent[]): Promise<boolean>
  /** Saga, step 4: appends the events to the log, even if the queue has lost its held copies. Idempotent. */
  release(attemptId: string, events: FormulaEvent[]): Promise<void>
  /** Removes an attempt's held events, if any, and leaves a tombstone. */
  remove(attemptId: string): Promise<void>
  /**
   * Removes up to `limit` tombstones and other marks of attempts older than `olderThan` (ms since the epoch).
   * @returns how many
   */
  sweep(olderThan: number, limit: number): Promise<number>
  /**
   * Removes up to `limit` events from the front of the log that are older than `olderThan` (ms since the epoch), are
   * behind every position, and have no delivery but those that have been dead, which hold a copy.
   * @returns how many
   */
  trim(olderThan: number, limit: number): Promise<number>
  /**
   * Blanks the event of a formula, if any: the event keeps its position but is no longer handed out or counted. Removes
   * its deliveries and dead letters.
   */
  erase(id: string, seq: number): Promise<void>

  /**
   * Creates a subscription. An existing one keeps its position.
   * @returns `full` when there are `MAX_SUBSCRIPTIONS` already
   */
  subscribe(name: string, from: LogPlace): Promise<'made' | 'there' | 'full'>
  /** Removes a subscription with its deliveries. @returns false when it does not exist or is the default one */
  unsubscribe(name: string): Promise<boolean>
  /** All subscriptions, ordered by name. */
  subscriptions(): Promise<Subscription[]>
  /** Moves a subscription. Drops its deliveries, except dead letters up to the new position. */
  seek(name: string, to: LogPlace): Promise<void>
  /** Stops or resumes handing out. Receipts stay valid. */
  pause(name: string, paused: boolean): Promise<void>

  /**
   * Leases up to `max` events: first those given back, then the log from the subscription's position on.
   * @param leaseMs how long the events stay invisible to other consumers, in milliseconds
   */
  receive(subscription: string, max: number, leaseMs: number): Promise<Received>
  /**
   * Marks events as processed. Stale and unknown receipts change nothing.
   * @param only the subscriptions that the caller may use: receipts of all others are stale
   */
  ack(receipts: string[], only?: readonly string[]): Promise<Settled>
  /**
   * Gives events back: to the front at once or after `delayMs`, or to the dead letters once `maxReceives` is reached.
   * @param detail the reason that a dead letter shows
   * @param only see `ack`
   */
  nack(receipts: string[], delayMs: number, detail?: string | null, only?: readonly string[]): Promise<Settled>
  /** Gives events back to the front without counting this receive, so none of them dies. */
  putBack(receipts: string[]): Promise<Settled>
  /**
   * Like `putBack`, but for the leases of any consumer. Skips ids that are not leased. @returns how many leases it ended
   */
  endLeases(subscription: string, ids: string[]): Promise<number>
  /**
   * Sets the end of leases to `leaseMs` from now.
   * @param only see `ack`
   * @returns also that time in ms since the epoch; null when all are stale
   */
  extend(
    receipts: string[],
    leaseMs: number,
    only?: readonly string[],
  ): Promise<Settled & { leasedUntil: number | null }>
  stats(subscription: string): Promise<QueueStats>
  /** The events in a state: ready ones in the order of `receive`, others by when their lease or delay ends. */
  events(subscription: string, state: EventState, limit: number, after?: EventPage['next']): Promise<EventPage>
  /** Where the event of a formula stands in each subscription, ordered by name. */
  deliveries(id: string, seq: number): Promise<Delivery[]>
  /** Dead letters, the last to die first. */
  dead(subscription: string, limit: number, before?: number): Promise<Page<DeadEvent>>
  /**
   * Sends dead letters (all of them if `ids` is absent) to the back of the line with a receive count of 0. They are due
   * once everything that is in the log now has been handed out.
   * @returns how many
   */
  redrive(subscription: string, ids?: string[]): Promise<number>
  /** @returns false when there is no such dead letter */
  removeDead(subscription: string, id: string): Promise<boolean>
  /**
   * Calls `listener` when events may be ready, or a subscription was removed: a hint, not a promise.
   * @returns a function that removes the listener
   */
  onReady(listener: () => void): () => void
  /** @throws {StoreUnavailable} when the queue does not answer or cannot be written */
  probe(): Promise<void>
}
