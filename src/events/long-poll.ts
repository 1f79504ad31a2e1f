import type { Clock } from '../clock.ts'
import { ServiceError } from '../errors/service-error.ts'
import type { EventQueue, LeasedEvent } from '../stores/ports.ts'

/** The queue's hints may get lost: while someone waits, it is asked at least this often. */
const RECHECK_MS = 1000

interface Waiter {
  max: number
  leaseMs: number
  /** True while the queue is asked on its behalf: then its end waits for the answer. */
  asking: boolean
  /** How its wait ended while it was asking. */
  ended: (() => void) | null
  answer(events: LeasedEvent[]): void
  fail(error: unknown): void
}

/** Lets consumers wait for events in line: first come, first served. */
export class LongPoll {
  readonly #queue: EventQueue
  readonly #clock: Clock
  readonly #line = new Set<Waiter>()
  readonly #unsubscribe: () => void
  #pumping = false
  #hinted = false
  #stopped = false
  #cancelRecheck: () => void = () => {}

  constructor(queue: EventQueue, clock: Clock) {
    this.#queue = queue
    this.#clock = clock
    this.#unsubscribe = queue.onReady(() => this.#pump())
  }

  /**
   * Leases up to `max` events; when none is ready, waits for one up to `waitMs`.
   * Events that are leased in the very moment their consumer goes stay leased until the lease ends: to nack them could
   * kill those on their last lease.
   * @param signal aborted when the consumer has gone; nothing is leased for it from then on
   * @returns none when the wait is over, or the consumer has gone
   * @throws {ServiceError} SERVICE_STOPPING to those who wait when the service stops
   */
  async receive(max: number, leaseMs: number, waitMs: number, signal?: AbortSignal): Promise<LeasedEvent[]> {
    const until = this.#clock.now() + waitMs
    if (waitMs === 0 || this.#line.size === 0) {
      const { events } = await this.#queue.receive(max, leaseMs)
      if (events.length > 0 || waitMs === 0) return events
    }
    if (this.#stopped) throw new ServiceError('SERVICE_STOPPING')
    if (signal?.aborted) return []
    return this.#standInLine(max, leaseMs, until - this.#clock.now(), signal)
  }

  /** Ends every wait; those who come later do not wait. */
  stop(): void {
    this.#stopped = true
    this.#unsubscribe()
    this.#cancelRecheck()
    for (const waiter of this.#line) this.#end(waiter, () => waiter.fail(new ServiceError('SERVICE_STOPPING')))
  }

  #standInLine(max: number, leaseMs: number, waitMs: number, signal?: AbortSignal): Promise<LeasedEvent[]> {
    const { promise, resolve, reject } = Promise.withResolvers<LeasedEvent[]>()
    const waiter: Waiter = { max, leaseMs, asking: false, ended: null, answer: resolve, fail: reject }
    const leave = () => this.#end(waiter, () => resolve([]))
    const cancelTimer = this.#clock.after(waitMs, leave)
    signal?.addEventListener('abort', leave, { once: true })
    this.#line.add(waiter)
    void this.#pump()
    return promise.finally(() => {
      cancelTimer()
      signal?.removeEventListener('abort', leave)
      if (this.#line.size === 0) this.#cancelRecheck()
    })
  }

  #end(waiter: Waiter, end: () => void): void {
    if (waiter.asking) {
      waiter.ended ??= end
    } else if (this.#line.delete(waiter)) {
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
      const [front] = this.#line
      if (front === undefined) break
      pauseMs = await this.#serve(front)
      this.#hinted ||= pauseMs === 0
    }
    this.#pumping = false
    if (this.#line.size > 0 && !this.#stopped) this.#cancelRecheck = this.#clock.after(pauseMs, () => this.#pump())
  }

  /** @returns after how many milliseconds to ask again; 0 when there may be more events at once */
  async #serve(front: Waiter): Promise<number> {
    front.asking = true
    try {
      const { events, nextDueAt } = await this.#queue.receive(front.max, front.leaseMs)
      front.asking = false
      if (events.length > 0) {
        this.#end(front, () => front.answer(events))
        return 0
      }
      if (front.ended !== null) this.#end(front, front.ended)
      const dueMs = nextDueAt === null ? RECHECK_MS : nextDueAt - this.#clock.now()
      return Math.min(Math.max(dueMs, 1), RECHECK_MS)
    } catch (error) {
      front.asking = false
      this.#end(front, () => front.fail(error))
      return RECHECK_MS
    }
  }
}
