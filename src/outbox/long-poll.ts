import { ServiceError } from '../errors/service-error.ts'
import { UnknownSubscription } from '../errors/store-errors.ts'
import { type Clock, Deadline } from '../kit/clock.ts'
import type { EventQueue, LeasedEvent } from '../stores/ports.ts'
import { FairQueue } from './fair-queue.ts'

/** Polling interval while consumers wait: notifications of the queue may get lost. */
const RECHECK_MS = 1000
/** Maximum number of events in one answer. */
const MAX_EVENTS = 100
/** Maximum number of long polls that one caller may hold, of all subscriptions together. */
const MAX_POLLS_PER_CALLER = 32

interface PollRequest {
  subscription: string
  /** Turns and limits apply per caller. */
  caller: string
  max: number
  leaseMs: number
  /** How long to wait when no event is ready. */
  waitMs: number
}

interface Waiter {
  readonly caller: string
  max: number
  leaseMs: number
  /** When the wait ends. */
  until: Deadline
  /** True during a call to the queue for this waiter. The wait cannot end before the call returns. */
  receiving: boolean
  /** Ends the wait after that call; set when the wait timed out or was cancelled during it. */
  ended: (() => void) | null
  answer(events: LeasedEvent[]): void
  fail(error: unknown): void
}

/** Long polling: consumers that find no event wait in the line of their subscription. */
export class LongPoll {
  readonly #queue: EventQueue
  readonly #clock: Clock
  /** The lines with waiters. */
  readonly #lines = new Map<string, WaitingLine>()
  readonly #unsubscribe: () => void
  #stopped = false

  constructor(queue: EventQueue, clock: Clock) {
    this.#queue = queue
    this.#clock = clock
    this.#unsubscribe = queue.onReady(() => {
      for (const line of this.#lines.values()) void line.serve()
    })
  }

  /**
   * Leases up to `max` events, and waits up to `waitMs` when none is ready. A consumer that had to wait gets fewer while
   * other callers wait as well.
   * Events leased at the moment their consumer disconnects stay leased until the lease ends: a nack could turn events on
   * their last lease into dead letters.
   * @param signal aborted when the consumer disconnects; nothing is leased for it after that
   * @returns an empty list after the wait, or when the consumer has disconnected
   * @throws {UnknownSubscription} also when the subscription is removed during the wait
   * @throws {ServiceError} SERVICE_STOPPING when the service stops during the wait; RATE_LIMITED when the caller holds
   *   too many polls already
   */
  async receive(request: PollRequest, signal?: AbortSignal): Promise<LeasedEvent[]> {
    const { subscription, caller, max, leaseMs, waitMs } = request
    const until = new Deadline(this.#clock, waitMs)
    if (waitMs === 0 || !this.#lines.has(subscription)) {
      const { events } = await this.#queue.receive(subscription, max, leaseMs)
      if (events.length > 0 || waitMs === 0) return events
    }
    if (this.#stopped) throw new ServiceError('SERVICE_STOPPING')
    if (signal?.aborted) return []
    this.#checkPollLimit(caller)
    const line = this.#lines.get(subscription) ?? new WaitingLine(this.#queue, this.#clock, subscription)
    this.#lines.set(subscription, line)
    return line.wait({ caller, max, leaseMs, until }, signal).finally(() => {
      if (line.isEmpty && this.#lines.get(subscription) === line) this.#lines.delete(subscription)
    })
  }

  /** Ends every wait; later calls do not wait. */
  stop(): void {
    this.#stopped = true
    this.#unsubscribe()
    for (const line of this.#lines.values()) line.stop(new ServiceError('SERVICE_STOPPING'))
  }

  #checkPollLimit(caller: string): void {
    const waits = [...this.#lines.values()].flatMap((line) => line.waitsOf(caller))
    if (waits.length < MAX_POLLS_PER_CALLER) return
    const retryAfter = Math.max(1, Math.ceil(Math.min(...waits) / 1000))
    throw new ServiceError('RATE_LIMITED', { retryAfter })
  }
}

/** The waiters of one subscription. Callers take turns; within a caller, first come, first served. */
class WaitingLine {
  readonly #queue: EventQueue
  readonly #clock: Clock
  readonly #subscription: string
  readonly #waiters = new FairQueue<Waiter>()
  #serving = false
  #notified = false
  #stopped = false
  /**
   * Limits the events of one turn while several callers wait. It starts at 1 when the queue was empty, so that a burst is
   * spread over all callers, and doubles with each full turn, so that a backlog is handed out in large batches.
   */
  #share = 1
  #cancelRecheck: () => void = () => {}

  constructor(queue: EventQueue, clock: Clock, subscription: string) {
    this.#queue = queue
    this.#clock = clock
    this.#subscription = subscription
  }

  get isEmpty(): boolean {
    return this.#waiters.callers === 0
  }

  /** How long each wait of a caller will still take, in milliseconds. */
  waitsOf(caller: string): number[] {
    return [...this.#waiters.of(caller)].map(({ until }) => until.left)
  }

  wait(request: Pick<Waiter, 'caller' | 'max' | 'leaseMs' | 'until'>, signal?: AbortSignal): Promise<LeasedEvent[]> {
    const { promise, resolve, reject } = Promise.withResolvers<LeasedEvent[]>()
    const waiter: Waiter = { ...request, receiving: false, ended: null, answer: resolve, fail: reject }
    const leave = () => this.#end(waiter, () => resolve([]))
    const cancelTimer = this.#clock.after(request.until.left, leave)
    signal?.addEventListener('abort', leave, { once: true })
    this.#waiters.add(waiter)
    void this.serve()
    return promise.finally(() => {
      cancelTimer()
      signal?.removeEventListener('abort', leave)
      if (this.isEmpty) this.#cancelRecheck()
    })
  }

  /** Ends every wait. */
  stop(error: Error): void {
    this.#stopped = true
    this.#cancelRecheck()
    this.#failAll(error)
  }

  #failAll(error: unknown): void {
    for (const waiter of this.#waiters) this.#end(waiter, () => waiter.fail(error))
  }

  #end(waiter: Waiter, end: () => void): void {
    if (waiter.receiving) {
      waiter.ended ??= end
    } else if (this.#waiters.remove(waiter)) {
      end()
    }
  }

  /** Serves waiters until no event is ready, then again at the next notification or when an event is due. */
  async serve(): Promise<void> {
    this.#notified = true
    if (this.#serving) return
    this.#serving = true
    this.#cancelRecheck()
    let pauseMs = RECHECK_MS
    while (this.#notified) {
      this.#notified = false
      const { front } = this.#waiters
      if (front === undefined) break
      pauseMs = await this.#serveFront(front)
      this.#notified ||= pauseMs === 0
    }
    this.#serving = false
    if (!this.isEmpty && !this.#stopped) {
      this.#cancelRecheck = this.#clock.after(pauseMs, () => this.serve())
    }
  }

  /** @returns the pause before the next call to the queue, in milliseconds; 0 when more events may be ready */
  async #serveFront(front: Waiter): Promise<number> {
    front.receiving = true
    try {
      const max = this.#waiters.callers > 1 ? Math.min(front.max, this.#share) : front.max
      const { events, nextDueAt } = await this.#queue.receive(this.#subscription, max, front.leaseMs)
      front.receiving = false
      this.#share = events.length === max ? Math.min(2 * this.#share, MAX_EVENTS) : 1
      if (events.length > 0) {
        this.#waiters.moveToBack(front.caller)
        this.#end(front, () => front.answer(events))
        return 0
      }
      if (front.ended !== null) this.#end(front, front.ended)
      const dueMs = nextDueAt === null ? RECHECK_MS : nextDueAt - this.#clock.now()
      return Math.min(Math.max(dueMs, 1), RECHECK_MS)
    } catch (error) {
      front.receiving = false
      this.#waiters.moveToBack(front.caller)
      this.#end(front, () => front.fail(error))
      if (error instanceof UnknownSubscription) this.#failAll(error)
      return RECHECK_MS
    }
  }
}
