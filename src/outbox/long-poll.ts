import { ServiceError } from '../errors/service-error.ts'
import type { Clock } from '../kit/clock.ts'
import type { EventQueue, LeasedEvent } from '../stores/ports.ts'
import { FairLine } from './fair-queue.ts'

/** The queue's hints may get lost: while someone waits, it is asked at least this often. */
const RECHECK_MS = 1000
/** Most events of one call. */
const MOST_EVENTS = 100
/** How often one caller may stand in line. */
const MOST_OF_A_CALLER = 32

/** What a consumer asks for. */
export interface Wish {
  /** Who asks. Callers take turns, and each may wait only so many times at once. */
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
  /** When its wait is over, in ms since the epoch. */
  until: number
  /** True while the queue is asked on its behalf: then its end waits for the answer. */
  asking: boolean
  /** How its wait ended while it was asking. */
  ended: (() => void) | null
  answer(events: LeasedEvent[]): void
  fail(error: unknown): void
}

/** Lets consumers wait for events in line, where callers take turns. */
export class LongPoll {
  readonly #queue: EventQueue
  readonly #clock: Clock
  readonly #line = new FairLine<Waiter>()
  readonly #unsubscribe: () => void
  #pumping = false
  #hinted = false
  #stopped = false
  /**
   * Most events of the next turn while several callers wait: few when the queue was empty a moment ago, so that a burst
   * reaches all of them; more with each turn that takes its share, so that a backlog is handed out in large parts.
   */
  #share = 1
  #cancelRecheck: () => void = () => {}

  constructor(queue: EventQueue, clock: Clock) {
    this.#queue = queue
    this.#clock = clock
    this.#unsubscribe = queue.onReady(() => this.#pump())
  }

  /**
   * Leases up to `max` events; when none is ready, waits for one up to `waitMs`. Who has waited is given fewer when
   * other callers wait as well.
   * Events that are leased in the very moment their consumer goes stay leased until the lease ends: to nack them could
   * kill those on their last lease.
   * @param signal aborted when the consumer has gone; nothing is leased for it from then on
   * @returns none when the wait is over, or the consumer has gone
   * @throws {ServiceError} SERVICE_STOPPING to those who wait when the service stops; RATE_LIMITED to a caller who waits
   *   too often already
   */
  async receive({ caller, max, leaseMs, waitMs }: Wish, signal?: AbortSignal): Promise<LeasedEvent[]> {
    const until = this.#clock.now() + waitMs
    if (waitMs === 0 || this.#line.callers === 0) {
      const { events } = await this.#queue.receive(max, leaseMs)
      if (events.length > 0 || waitMs === 0) return events
    }
    if (this.#stopped) throw new ServiceError('SERVICE_STOPPING')
    if (signal?.aborted) return []
    this.#refuseHoarder(caller)
    return this.#standInLine({ caller, max, leaseMs, until }, signal)
  }

  /** Ends every wait; those who come later do not wait. */
  stop(): void {
    this.#stopped = true
    this.#unsubscribe()
    this.#cancelRecheck()
    for (const waiter of this.#line) this.#end(waiter, () => waiter.fail(new ServiceError('SERVICE_STOPPING')))
  }

  #refuseHoarder(caller: string): void {
    const own = this.#line.of(caller)
    if (own.size < MOST_OF_A_CALLER) return
    const firstEnd = Math.min(...[...own].map(({ until }) => until))
    const retryAfter = Math.max(1, Math.ceil((firstEnd - this.#clock.now()) / 1000))
    throw new ServiceError('RATE_LIMITED', { retryAfter })
  }

  #standInLine(
    wish: Pick<Waiter, 'caller' | 'max' | 'leaseMs' | 'until'>,
    signal?: AbortSignal,
  ): Promise<LeasedEvent[]> {
    const { promise, resolve, reject } = Promise.withResolvers<LeasedEvent[]>()
    const waiter: Waiter = { ...wish, asking: false, ended: null, answer: resolve, fail: reject }
    const leave = () => this.#end(waiter, () => resolve([]))
    const cancelTimer = this.#clock.after(wish.until - this.#clock.now(), leave)
    signal?.addEventListener('abort', leave, { once: true })
    this.#line.join(waiter)
    void this.#pump()
    return promise.finally(() => {
      cancelTimer()
      signal?.removeEventListener('abort', leave)
      if (this.#line.callers === 0) this.#cancelRecheck()
    })
  }

  #end(waiter: Waiter, end: () => void): void {
    if (waiter.asking) {
      waiter.ended ??= end
    } else if (this.#line.leave(waiter)) {
      end()
    }
  }

  /** Serves the line from the front until nothing is ready, then again at the next hint or when an event is due. */
  async #pump(): Promise<void> {
    this.#hinted = true
    if (this.#pumping) return
    this.#pumping = true
    this.#cancelRecheck()
    let pauseMs = RECHECK_MS
    while (this.#hinted) {
      this.#hinted = false
      const { front } = this.#line
      if (front === undefined) break
      pauseMs = await this.#serve(front)
      this.#hinted ||= pauseMs === 0
    }
    this.#pumping = false
    if (this.#line.callers > 0 && !this.#stopped) this.#cancelRecheck = this.#clock.after(pauseMs, () => this.#pump())
  }

  /** @returns after how many milliseconds to ask again; 0 when there may be more events at once */
  async #serve(front: Waiter): Promise<number> {
    front.asking = true
    try {
      const most = this.#line.callers > 1 ? Math.min(front.max, this.#share) : front.max
      const { events, nextDueAt } = await this.#queue.receive(most, front.leaseMs)
      front.asking = false
      this.#share = events.length === most ? Math.min(2 * this.#share, MOST_EVENTS) : 1
      if (events.length > 0) {
        this.#line.endTurn(front.caller)
        this.#end(front, () => front.answer(events))
        return 0
      }
      if (front.ended !== null) this.#end(front, front.ended)
      const dueMs = nextDueAt === null ? RECHECK_MS : nextDueAt - this.#clock.now()
      return Math.min(Math.max(dueMs, 1), RECHECK_MS)
    } catch (error) {
      front.asking = false
      this.#line.endTurn(front.caller)
      this.#end(front, () => front.fail(error))
      return RECHECK_MS
    }
  }
}
