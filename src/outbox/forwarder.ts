import { backoffMs } from '../kit/backoff.ts'
import { sleep, waitFor } from '../kit/clock.ts'
import { reasonOf } from '../kit/reason.ts'
import type { EventQueue, LeasedEvent, Settled } from '../stores/ports.ts'
import { type BreakerOptions, CircuitBreaker, type ForwarderHealth } from './circuit-breaker.ts'
import { toCloudEvent } from './message.ts'
import type { SendResult, Sink } from './sink.ts'

/** Timeout of one call to the sink, in milliseconds. */
const SEND_MS = 15_000
/** Longer than the slowest call and its settlement. */
const LEASE_MS = 60_000
/** Events leased at once: enough for several calls to the sink. */
const MAX_LEASED_AT_ONCE = 100
/** Delay before a refused event is sent again, in milliseconds. */
const REFUSED_MS = 10_000
/** Polling interval of the queue: its notifications may get lost. */
const RECHECK_MS = 1_000
/** How long stopping waits for calls under way, in milliseconds. */
const STOP_MS = 5_000
const SETTLE_BACKOFF = { baseMs: 200, maxMs: 5_000 }

interface ForwarderOptions extends BreakerOptions {
  /** The subscription that is forwarded; nobody else receives from it. */
  subscription: string
  /** The source of the CloudEvents: a URI reference. */
  source: string
}

/**
 * Forwards events of a subscription to a sink: leases them, sends them in batches and acks those that were taken. An event
 * that is refused is nacked with a delay, and becomes a dead letter in the end. When the sink itself fails, events are put
 * back, which counts no receive: an outage of any length makes no dead letters. A sink that is gone for good pauses the
 * subscription.
 */
export class Forwarder {
  readonly #queue: EventQueue
  readonly #sink: Sink
  readonly #options: ForwarderOptions
  readonly #breaker: CircuitBreaker
  readonly #stopping = new AbortController()
  /** Aborted when stopping gives up on calls under way. */
  readonly #cutOff = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  readonly #unsubscribe: () => void
  #ready = Promise.withResolvers<void>()
  #isMoreReady = true
  /** Whether the queue failed while the sink was fine. */
  #isQueueAtFault = false
  #running: Promise<void> = Promise.resolve()
  #stopped: Promise<void> | undefined

  constructor(queue: EventQueue, sink: Sink, options: ForwarderOptions) {
    this.#queue = queue
    this.#sink = sink
    this.#options = options
    this.#breaker = new CircuitBreaker(options)
    this.#unsubscribe = queue.onReady(() => this.#ready.resolve())
  }

  get health(): ForwarderHealth {
    return this.#breaker.health
  }

  start(): void {
    this.#running = this.#run()
  }

  /**
   * Stops leasing and waits up to `STOP_MS` for calls under way. Events not known to be taken by then are put back.
   * Further calls wait for the same end.
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
    await this.#sink.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const pauseMs = this.#breaker.takePause()
      if (pauseMs > 0) {
        await Promise.all(this.#underWay)
        // Calls that failed in the meantime share this pause.
        await sleep(this.#options.clock, Math.max(pauseMs, this.#breaker.takePause()), signal)
      } else if (this.#isBusy()) {
        await Promise.race(this.#underWay)
        this.#isMoreReady = true
      } else {
        await this.#sendReady()
      }
    }
  }

  /** Starts another concurrent call only while enough events are ready to fill it; otherwise they gather for the next. */
  #isBusy(): boolean {
    const calls = this.#underWay.size
    return calls > 0 && (calls >= this.#breaker.maxCalls || !this.#isMoreReady)
  }

  /** Leases events and starts to send them; waits for the next when none is ready. */
  async #sendReady(): Promise<void> {
    const { clock, subscription } = this.#options
    const { batchSize } = this.#sink
    const { probeSize, maxCalls } = this.#breaker
    const isProbe = probeSize > 0
    const calls = maxCalls - this.#underWay.size
    const max = isProbe ? Math.min(probeSize, batchSize) : Math.min(calls * batchSize, MAX_LEASED_AT_ONCE)
    this.#ready = Promise.withResolvers()
    try {
      const { events, nextDueAt } = await this.#queue.receive(subscription, max, LEASE_MS)
      if (this.#isQueueAtFault) this.#breaker.recordResult([], isProbe)
      this.#isQueueAtFault = false
      this.#isMoreReady = events.length === max
      for (let from = 0; from < events.length; from += batchSize) {
        this.#track(this.#forward(events.slice(from, from + batchSize), isProbe))
      }
      if (this.#underWay.size > 0) return
      const dueMs = Math.max((nextDueAt ?? Infinity) - clock.now(), 1)
      await waitFor(this.#ready.promise, Math.min(dueMs, RECHECK_MS), clock, this.#stopping.signal)
    } catch (error) {
      this.#isQueueAtFault ||= this.#breaker.probeSize === 0
      this.#breaker.recordFailure(`The queue of events does not answer: ${reasonOf(error)}`, isProbe)
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#underWay.delete(tracked))
    this.#underWay.add(tracked)
  }

  async #forward(events: LeasedEvent[], isProbe: boolean): Promise<void> {
    // The forwarder was stopped, or another call failed, during the lease call.
    const isLate = this.#stopping.signal.aborted || (this.#breaker.probeSize > 0 && !isProbe)
    if (isLate) return this.#settle(events, (receipts) => this.#queue.putBack(receipts))
    const results = await this.#send(events).catch((error) =>
      events.map((): SendResult => ({ kind: 'failed', reason: reasonOf(error) })),
    )
    this.#breaker.recordResult(results, isProbe)
    const refused = this.#refused(events, results)
    if (results.some(({ kind }) => kind === 'gone')) await this.#pause()
    const those = (...kinds: SendResult['kind'][]): LeasedEvent[] =>
      events.filter((_, index) => kinds.some((kind) => results[index]?.kind === kind))
    await Promise.all([
      this.#settle(those('taken'), (receipts) => this.#queue.ack(receipts)),
      ...[...refused].map(([reason, those]) =>
        this.#settle(those, (receipts) => this.#queue.nack(receipts, REFUSED_MS, reason)),
      ),
      this.#settle(those('failed', 'gone'), (receipts) => this.#queue.putBack(receipts)),
    ])
  }

  /** When the store fails, the answer to the next event pauses the subscription. */
  async #pause(): Promise<void> {
    const { subscription, log } = this.#options
    await this.#queue
      .pause(subscription, true)
      .catch((error) => log.warn({ err: error }, 'The subscription of a receiver that is gone could not be paused'))
  }

  /** Logs the refused events. @returns them by reason, which a dead letter shows as its `detail` */
  #refused(events: LeasedEvent[], results: SendResult[]): Map<string, LeasedEvent[]> {
    const byReason = new Map<string, LeasedEvent[]>()
    for (const [index, event] of events.entries()) {
      const result = results[index]
      if (result?.kind !== 'refused') continue
      const { reason } = result
      byReason.set(reason, [...(byReason.get(reason) ?? []), event])
      this.#options.log.warn({ event: event.id, receiveCount: event.receiveCount, reason }, 'An event was refused')
    }
    return byReason
  }

  /** @throws {Error} when the call fails or times out */
  async #send(events: LeasedEvent[]): Promise<SendResult[]> {
    const messages = events.map((event) => ({
      id: event.id,
      json: JSON.stringify(toCloudEvent(event, this.#options.source)),
    }))
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
      return await Promise.race([this.#sink.send(messages, call.signal), givenUp])
    } finally {
      cancel()
      this.#cutOff.signal.removeEventListener('abort', cutOff)
    }
  }

  /** Retries until it succeeds or the leases end: events left unsettled are received again, which counts a receive. */
  async #settle(events: LeasedEvent[], call: (receipts: string[]) => Promise<Settled>): Promise<void> {
    if (events.length === 0) return
    const { clock, random, log } = this.#options
    const until = (events[0] as LeasedEvent).leasedUntil
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
