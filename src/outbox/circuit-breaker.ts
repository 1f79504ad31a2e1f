import { backoffMs } from '../kit/backoff.ts'
import { type Clock, isoTime, type Random } from '../kit/clock.ts'
import type { Sent } from './sink.ts'

/** Most calls under way at a time. */
const MOST_CALLS = 16
const BACKOFF = { baseMs: 500, maxMs: 30_000 }

/** How forwarding goes. */
export interface ForwarderHealth {
  /** `off` where nothing is forwarded. */
  state: 'off' | 'forwarding' | 'failing'
  /** The last failure; null unless it is failing. */
  reason: string | null
  /** Since when, in ISO 8601 and UTC; null when off. */
  since: string | null
}

export interface PaceOptions {
  clock: Clock
  random: Random
  log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
  }
}

/**
 * Decides how much is sent at a time, by how it went. After a failure it pauses, with backoff, and then has single
 * events sent as probes until one is taken; from there on one call more may be under way with each that goes well.
 */
export class CircuitBreaker {
  readonly #options: PaceOptions
  #mostCalls = 1
  /** Failures in a row; what fails together counts as one. */
  #failures = 0
  #pauseMs = 0
  #health: ForwarderHealth

  constructor(options: PaceOptions) {
    this.#options = options
    this.#health = { state: 'forwarding', reason: null, since: isoTime(options.clock.now()) }
  }

  get health(): ForwarderHealth {
    return this.#health
  }

  /** Whether what is sent next is a probe: one event, alone. */
  get probing(): boolean {
    return this.#failures > 0
  }

  /** How many calls may be under way. */
  get mostCalls(): number {
    return this.#mostCalls
  }

  /** @returns the pause that is due before anything else is sent, in milliseconds; it is due once */
  takePause(): number {
    const pauseMs = this.#pauseMs
    this.#pauseMs = 0
    return pauseMs
  }

  /** Takes note of how a call went. */
  heed(sent: Sent[], isProbe: boolean): void {
    const failure = sent.find((one) => one.kind === 'failed')
    if (failure === undefined) this.#well(isProbe)
    else if (sent.every(({ kind }) => kind === 'failed')) this.failed(failure.reason, isProbe)
    else this.#slowDown()
  }

  /** Takes note of a failure as a whole. A single one may be chance; when a probe fails as well, it is `failing`. */
  failed(reason: string, isProbe: boolean): void {
    const { clock, random, log } = this.#options
    this.#mostCalls = 1
    if (isProbe) this.#failures++
    else this.#failures ||= 1
    this.#pauseMs = backoffMs(this.#failures, BACKOFF, random)
    if (this.#failures < 2) return
    if (this.#health.state === 'failing') {
      this.#health = { ...this.#health, reason }
    } else {
      this.#health = { state: 'failing', reason, since: isoTime(clock.now()) }
      log.warn({ reason }, 'Events cannot be forwarded; they wait until it works again')
    }
  }

  /** Some were taken and others not, as when there is too much at a time: that is no outage. */
  #slowDown(): void {
    this.#mostCalls = 1
    this.#pauseMs = backoffMs(1, BACKOFF, this.#options.random)
  }

  #well(isProbe: boolean): void {
    if (isProbe) this.#failures = 0
    // What was sent before the failure says nothing about now.
    if (this.probing) return
    this.#mostCalls = Math.min(this.#mostCalls + 1, MOST_CALLS)
    if (this.#health.state !== 'failing') return
    const { since } = this.#health
    this.#health = { state: 'forwarding', reason: null, since: isoTime(this.#options.clock.now()) }
    this.#options.log.info({ failingSince: since }, 'Events are forwarded again')
  }
}
