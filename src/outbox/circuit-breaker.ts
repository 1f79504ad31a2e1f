import { backoffMs } from '../kit/backoff.ts'
import { type Clock, isoTime, type Random } from '../kit/clock.ts'
import type { SendResult } from './sink.ts'

const MAX_CONCURRENT_CALLS = 16
/** Consecutive failures that count as an outage; a single one may be chance. */
const OUTAGE_FAILURES = 2
const BACKOFF = { baseMs: 500, maxMs: 30_000 }
/** A receiver may ask for a longer pause, up to this. */
const MAX_RETRY_AFTER_MS = 600_000

export interface ForwarderHealth {
  state: 'forwarding' | 'failing'
  /** The last failure; null unless `failing`. */
  reason: string | null
  /** When this state began, in ISO 8601 and UTC. */
  since: string
}

export interface BreakerOptions {
  clock: Clock
  random: Random
  log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
  }
}

/**
 * Limits concurrent calls by the results of earlier ones. After a failure it pauses with backoff, then lets a few events
 * through as probes until one is taken. Each success after that allows one more concurrent call.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions
  #maxCalls = 1
  /** Consecutive failures; concurrent calls that fail together count as one. */
  #failures = 0
  #pauseMs = 0
  #health: ForwarderHealth

  constructor(options: BreakerOptions) {
    this.#options = options
    this.#health = { state: 'forwarding', reason: null, since: isoTime(options.clock.now()) }
  }

  get health(): ForwarderHealth {
    return this.#health
  }

  /**
   * The size of the next call if it must be a probe, with no other call under way; else 0. It begins with a single event
   * and grows, so that one which the receiver always fails on does not hold up those behind it.
   */
  get probeSize(): number {
    return this.#failures
  }

  /** How many calls may be under way. */
  get maxCalls(): number {
    return this.#maxCalls
  }

  /** @returns the pause required before the next call, in milliseconds; later calls return 0 until the next failure */
  takePause(): number {
    const pauseMs = this.#pauseMs
    this.#pauseMs = 0
    return pauseMs
  }

  recordResult(results: SendResult[], isProbe: boolean): void {
    const failed = results.filter((result) => result.kind === 'failed')
    const gone = results.find((result) => result.kind === 'gone')
    const [failure] = failed
    const retryAfterMs = Math.max(0, ...failed.map(({ retryAfterMs = 0 }) => retryAfterMs))
    if (gone !== undefined) this.#onGone(gone.reason, isProbe)
    else if (failure === undefined) this.#onSuccess(isProbe)
    else if (failed.length === results.length) this.recordFailure(failure.reason, isProbe, retryAfterMs)
    else this.#onPartialSuccess(isProbe, retryAfterMs)
  }

  /** Records that a whole call failed. When a probe fails too, the state is `failing`. */
  recordFailure(reason: string, isProbe: boolean, retryAfterMs = 0): void {
    this.#maxCalls = 1
    if (isProbe) this.#failures++
    else this.#failures ||= 1
    this.#pause(this.#failures, retryAfterMs)
    if (this.#failures >= OUTAGE_FAILURES) this.#setFailing(reason)
  }

  #pause(failures: number, retryAfterMs: number): void {
    const pauseMs = backoffMs(failures, BACKOFF, this.#options.random)
    this.#pauseMs = Math.max(this.#pauseMs, pauseMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS))
  }

  #onGone(answer: string, isProbe: boolean): void {
    const reason = `${answer}: the subscription is paused until it is resumed`
    // An operator has to resume it, so this is news even during an outage.
    this.#setFailing(reason, this.#health.reason !== reason)
    this.recordFailure(reason, isProbe)
  }

  #setFailing(reason: string, isNews = this.#health.state !== 'failing'): void {
    const { clock, log } = this.#options
    const since = this.#health.state === 'failing' ? this.#health.since : isoTime(clock.now())
    this.#health = { state: 'failing', reason, since }
    if (isNews) log.warn({ reason }, 'Events cannot be forwarded; they wait until it works again')
  }

  /** The receiver took part of the batch, as when it throttles: that is not an outage, but a reason to slow down. */
  #onPartialSuccess(isProbe: boolean, retryAfterMs: number): void {
    this.#onSuccess(isProbe)
    this.#maxCalls = 1
    this.#pause(1, retryAfterMs)
  }

  #onSuccess(isProbe: boolean): void {
    if (isProbe) this.#failures = 0
    // A call that began before the failure: its success does not close the breaker.
    if (this.#failures > 0) return
    this.#maxCalls = Math.min(this.#maxCalls + 1, MAX_CONCURRENT_CALLS)
    if (this.#health.state !== 'failing') return
    const { since } = this.#health
    this.#health = { state: 'forwarding', reason: null, since: isoTime(this.#options.clock.now()) }
    this.#options.log.info({ failingSince: since }, 'Events are forwarded again')
  }
}
