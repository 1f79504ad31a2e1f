import { ServiceError } from '../errors/service-error.ts'
import type { Clock } from '../kit/clock.ts'
import { DEFAULT_SUBSCRIPTION, type EventQueue, type LeasedEvent } from '../stores/ports.ts'

/** Polling interval while consumers wait: notifications of the queue may get lost. */
const RECHECK_MS = 1000
/** Maximum number of events in one answer. */
const MAX_EVENTS = 100
/** Maximum number of long polls that one caller may hold. */
const MAX_POLLS_PER_CALLER = 32

interface PollRequest {
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
  /** When the wait ends, in ms since the epoch. */
  until: number
  /** True during a call to the queue for this waiter. The wait cannot end before the call returns. */
  receiving: boolean
  /** Ends the wait after that call; set when the wait timed out or was cancelled during it. */
  ended: (() => void) | null
  answer(events: LeasedEvent[]): void
  fail(error: unknown): void
}

/** A queue that serves callers in turn, and the entries of one caller in the order of their arrival. */
class FairQueue<T extends { readonly caller: string }> {
  /** The entries of each waiting caller, in the order of the callers' turns. */
  readonly #callers = new Map<string, Set<T>>()

  /** The number of callers that wait. */
  get callers(): number {
    return this.#callers.size
  }

  /** The entry to serve next. */
  get front(): T | undefined {
    const [first] = this.#callers.values()
    return first?.values().next().value
  }

  /** The entries of one caller, oldest first. */
  of(caller: string): ReadonlySet<T> {
    return this.#callers.get(caller) ?? new Set()
  }

  add(entry: T): void {
    const entries = this.#callers.get(entry.caller)
    if (entries === undefined) this.#callers.set(entry.caller, new Set([entry]))
    else entries.add(entry)
  }

  /** @returns false when the entry is not in the queue */
  remove(entry: T): boolean {
    const entries = this.#callers.get(entry.caller)
    if (entries?.delete(entry) !== true) return false
    if (entries.size === 0) this.#callers.delete(entry.caller)
    return true
  }

  /** Ends the turn of a caller: all other callers are served before it. */
  moveToBack(caller: string): void {
    const entries = this.#callers.get(caller)
    if (entries === undefined) return
    this.#callers.delete(caller)
    this.#callers.set(caller, entries)
  }

  *[Symbol.iterator](): Generator<T> {
    for (const entries of this.#callers.values()) yield* entries
  }
}

/** Long polling: consumers that find no event wait in line. Callers take turns; within a caller, first come, first served. */
export class LongPoll {
  readonly #queue: EventQueue
  readonly #clock: Clock
  readonly #waiters = new FairQueue<Waiter>()
  readonly #unsubscribe: () => void
  #serving = false
  #notified = false
  #stopped = false
  /**
   * Limits the events of one turn while several callers wait. It starts at 1 when the queue was empty, so that a burst is
   * spread over all callers, and doubles with each full turn, so that a backlog is handed out in large batches.
   */
  #share = 1
  #cancelRecheck: () => void = () => {}

  constructor(queue: EventQueue, clock: Clock) {
    this.#queue = queue
    this.#clock = clock
    this.#unsubscribe = queue.onReady(() => this.#serveAll())
  }

  /**
   * Leases up to `max` events, and waits up to `waitMs` when none is ready. A consumer that had to wait gets fewer while
   * other callers wait as well.
   * Events leased at the moment their consumer disconnects stay leased until the lease ends: a nack could turn events on
   * their last lease into dead letters.
   * @param signal aborted when the consumer disconnects; nothing is leased for it after that
   * @returns an empty list after the wait, or when the consumer has disconnected
   * @throws {ServiceError} SERVICE_STOPPING when the service stops during the wait; RATE_LIMITED when the caller holds
   *   too many polls already
   */
  async receive({ caller, max, leaseMs, waitMs }: PollRequest, signal?: AbortSignal): Promise<LeasedEvent[]> {
    const until = this.#clock.now() + waitMs
    if (waitMs === 0 || this.#waiters.callers === 0) {
      const { events } = await this.#queue.receive(DEFAULT_SUBSCRIPTION, max, leaseMs)
      if (events.length > 0 || waitMs === 0) return events
    }
    if (this.#stopped) throw new ServiceError('SERVICE_STOPPING')
    if (signal?.aborted) return []
    this.#checkPollLimit(caller)
    return this.#wait({ caller, max, leaseMs, until }, signal)
  }

  /** Ends every wait; later calls do not wait. */
  stop(): void {
    this.#stopped = true
    this.#unsubscribe()
    this.#cancelRecheck()
    for (const waiter of this.#waiters) this.#end(waiter, () => waiter.fail(new ServiceError('SERVICE_STOPPING')))
  }

  #checkPollLimit(caller: string): void {
    const own = this.#waiters.of(caller)
    if (own.size < MAX_POLLS_PER_CALLER) return
    const firstEnd = Math.min(...[...own].map(({ until }) => until))
    const retryAfter = Math.max(1, Math.ceil((firstEnd - this.#clock.now()) / 1000))
    throw new ServiceError('RATE_LIMITED', { retryAfter })
  }

  #wait(request: Pick<Waiter, 'caller' | 'max' | 'leaseMs' | 'until'>, signal?: AbortSignal): Promise<LeasedEvent[]> {
    const { promise, resolve, reject } = Promise.withResolvers<LeasedEvent[]>()
    const waiter: Waiter = { ...request, receiving: false, ended: null, answer: resolve, fail: reject }
    const leave = () => this.#end(waiter, () => resolve([]))
    const cancelTimer = this.#clock.after(request.until - this.#clock.now(), leave)
    signal?.addEventListener('abort', leave, { once: true })
    this.#waiters.add(waiter)
    void this.#serveAll()
    return promise.finally(() => {
      cancelTimer()
      signal?.removeEventListener('abort', leave)
      if (this.#waiters.callers === 0) this.#cancelRecheck()
    })
  }

  #end(waiter: Waiter, end: () => void): void {
    if (waiter.receiving) {
      waiter.ended ??= end
    } else if (this.#waiters.remove(waiter)) {
      end()
    }
  }

  /** Serves waiters until no event is ready, then again at the next notification or when an event is due. */
  async #serveAll(): Promise<void> {
    this.#notified = true
    if (this.#serving) return
    this.#serving = true
    this.#cancelRecheck()
    let pauseMs = RECHECK_MS
    while (this.#notified) {
      this.#notified = false
      const { front } = this.#waiters
      if (front === undefined) break
      pauseMs = await this.#serve(front)
      this.#notified ||= pauseMs === 0
    }
    this.#serving = false
    if (this.#waiters.callers > 0 && !this.#stopped) {
      this.#cancelRecheck = this.#clock.after(pauseMs, () => this.#serveAll())
    }
  }

  /** @returns the pause before the next call to the queue, in milliseconds; 0 when more events may be ready */
  async #serve(front: Waiter): Promise<number> {
    front.receiving = true
    try {
      const max = this.#waiters.callers > 1 ? Math.min(front.max, this.#share) : front.max
      const { events, nextDueAt } = await this.#queue.receive(DEFAULT_SUBSCRIPTION, max, front.leaseMs)
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
      return RECHECK_MS
    }
  }
}
