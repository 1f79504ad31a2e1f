import { backoffMs } from '../kit/backoff.ts'
import { sleep } from '../kit/clock.ts'
import { reasonOf } from '../kit/reason.ts'
import { waitFor } from '../kit/wait.ts'
import type { EventQueue, LeasedEvent, Settled } from '../stores/ports.ts'
import { CircuitBreaker, type ForwarderHealth, type PaceOptions } from './circuit-breaker.ts'
import { BATCH_SIZE, type Sender, type Sent } from './sink.ts'

/** How long one call may take, in milliseconds. */
const SEND_MS = 15_000
/** A lease outlasts the slowest call, and what follows it. */
const LEASE_MS = 60_000
/** What one call to our queue may lease: enough for several that send. */
const MOST_LEASED_AT_ONCE = 100
/** How long a refused event waits before it is sent again, in milliseconds. */
const REFUSED_MS = 10_000
/** The queue's hints may get lost: it is asked at least this often. */
const RECHECK_MS = 1_000
/** How long stopping waits for what is being sent, in milliseconds. */
const STOP_MS = 5_000
const SETTLE_BACKOFF = { baseMs: 200, maxMs: 5_000 }

/**
 * Consumes our queue by sending its events to another one: leases them, sends them in batches, acks what was taken.
 * What is refused for its own fault is given back with a delay, and is a dead letter in the end. When the receiver fails
 * its events are put back: that counts as no receive, so an outage makes no dead letters, however long.
 */
export class Forwarder {
  readonly #queue: EventQueue
  readonly #sender: Sender
  readonly #options: PaceOptions
  readonly #pace: CircuitBreaker
  readonly #stopping = new AbortController()
  /** Aborted when even what is being sent is not waited for any more. */
  readonly #cutOff = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  readonly #unsubscribe: () => void
  #ready = Promise.withResolvers<void>()
  #isMoreReady = true
  #running: Promise<void> = Promise.resolve()
  #stopped: Promise<void> | undefined

  constructor(queue: EventQueue, sender: Sender, options: PaceOptions) {
    this.#queue = queue
    this.#sender = sender
    this.#options = options
    this.#pace = new CircuitBreaker(options)
    this.#unsubscribe = queue.onReady(() => this.#ready.resolve())
  }

  get health(): ForwarderHealth {
    return this.#pace.health
  }

  start(): void {
    this.#running = this.#run()
  }

  /**
   * Leases nothing more, and waits for what is being sent, but only some seconds: after that its outcome is unknown. What
   * is not known to be taken is put back. Calling it again waits for the same end.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#end()
    return this.#stopped
  }

  async #end(): Promise<void> {
    this.#stopping.abort()
    this.#unsubscribe()
    const cancel = this.#options.clock.after(STOP_MS, () => this.#cutOff.abort())
    await this.#running
    await Promise.all(this.#underWay)
    cancel()
    this.#sender.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const pauseMs = this.#pace.takePause()
      if (pauseMs > 0) {
        await Promise.all(this.#underWay)
        await sleep(this.#options.clock, pauseMs, signal)
      } else if (this.#isBusy()) {
        await Promise.race(this.#underWay)
        this.#isMoreReady = true
      } else {
        await this.#next()
      }
    }
  }

  /** One call more is worth it only while there is enough to fill it: meanwhile events gather for the next. */
  #isBusy(): boolean {
    const calls = this.#underWay.size
    return calls > 0 && (calls >= this.#pace.mostCalls || !this.#isMoreReady)
  }

  async #next(): Promise<void> {
    const { clock } = this.#options
    const { probing, mostCalls } = this.#pace
    const calls = mostCalls - this.#underWay.size
    const most = probing ? 1 : Math.min(calls * BATCH_SIZE, MOST_LEASED_AT_ONCE)
    this.#ready = Promise.withResolvers()
    try {
      const { events, nextDueAt } = await this.#queue.receive(most, LEASE_MS)
      this.#isMoreReady = events.length === most
      for (let from = 0; from < events.length; from += BATCH_SIZE) {
        this.#track(this.#forward(events.slice(from, from + BATCH_SIZE), probing))
      }
      if (this.#underWay.size > 0) return
      const dueMs = Math.max((nextDueAt ?? Infinity) - clock.now(), 1)
      await waitFor(this.#ready.promise, Math.min(dueMs, RECHECK_MS), clock, this.#stopping.signal)
    } catch (error) {
      this.#pace.failed(`The queue of events does not answer: ${reasonOf(error)}`, probing)
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#underWay.delete(tracked))
    this.#underWay.add(tracked)
  }

  async #forward(events: LeasedEvent[], isProbe: boolean): Promise<void> {
    // Leased while it was stopped, or while another call failed.
    const isLate = this.#stopping.signal.aborted || (this.#pace.probing && !isProbe)
    if (isLate) return this.#settle(events, (receipts) => this.#queue.putBack(receipts))
    const sent = await this.#send(events).catch((error) =>
      events.map((): Sent => ({ kind: 'failed', reason: reasonOf(error) })),
    )
    this.#pace.heed(sent, isProbe)
    const became = (kind: Sent['kind']): LeasedEvent[] => events.filter((_, index) => sent[index]?.kind === kind)
    this.#tellRefused(events, sent)
    await Promise.all([
      this.#settle(became('taken'), (receipts) => this.#queue.ack(receipts)),
      this.#settle(became('refused'), (receipts) => this.#queue.nack(receipts, REFUSED_MS)),
      this.#settle(became('failed'), (receipts) => this.#queue.putBack(receipts)),
    ])
  }

  #tellRefused(events: LeasedEvent[], sent: Sent[]): void {
    for (const [index, { id, receiveCount }] of events.entries()) {
      const one = sent[index]
      if (one?.kind !== 'refused') continue
      this.#options.log.warn({ event: id, receiveCount, reason: one.reason }, 'An event was refused')
    }
  }

  /** @throws {Error} when there is no answer in time, or the call fails */
  async #send(events: LeasedEvent[]): Promise<Sent[]> {
    const call = new AbortController()
    const { promise: givenUp, reject } = Promise.withResolvers<never>()
    const giveUp = (reason: string): void => {
      call.abort()
      reject(new Error(reason))
    }
    const cutOff = (): void => giveUp('The service stops')
    const cancel = this.#options.clock.after(SEND_MS, () => giveUp(`No answer within ${SEND_MS} ms`))
    this.#cutOff.signal.addEventListener('abort', cutOff)
    try {
      return await Promise.race([this.#sender.send(events, call.signal), givenUp])
    } finally {
      cancel()
      this.#cutOff.signal.removeEventListener('abort', cutOff)
    }
  }

  /** Tries until it is done or the leases are over: events that are not settled come again, and that counts. */
  async #settle(events: LeasedEvent[], call: (receipts: string[]) => Promise<Settled>): Promise<void> {
    if (events.length === 0) return
    const { clock, random, log } = this.#options
    const until = Date.parse((events[0] as LeasedEvent).leasedUntil)
    for (let failures = 1; ; failures++) {
      try {
        return void (await call(events.map(({ receipt }) => receipt)))
      } catch (error) {
        const pauseMs = backoffMs(failures, SETTLE_BACKOFF, random)
        if (this.#cutOff.signal.aborted || clock.now() + pauseMs >= until) {
          return log.warn({ err: error, events: events.length }, 'The outcome of sending events could not be kept')
        }
        await sleep(clock, pauseMs, this.#cutOff.signal)
      }
    }
  }
}
