import type { Acked, ReceivedEvent, ReceivedEvents } from './api.ts'
import type { Call, Requests } from './requests.ts'

export interface ConsumeOptions {
  /** The subscription to read. Default: the service's `default`. */
  subscription?: string
  /** `['formula']`: each event comes with its formula; the key needs the scope `read` too. */
  include?: 'formula'[]
  /** How many events are handled at the same time, 1 to 100. Default: 1, which keeps their order. */
  concurrency?: number
  /** How long another consumer waits for an event when this one dies; no limit of the work. Default: 30. */
  leaseSeconds?: number
  /** Stops as `stop()` does. */
  signal?: AbortSignal | undefined
  /** When a failed event comes again. Default: about 2, 4, 8 … seconds after lease 1, 2, 3 …, at most an hour. */
  retryDelaySeconds?(event: ReceivedEvent, error: unknown): number
  /** Called with each error, and with the event if it is about one. Default: console.error. */
  onError?(error: unknown, event?: ReceivedEvent): void
}

/**
 * Does the work for one event. The event is acknowledged when it returns, and comes again when it throws.
 * @param lost aborted when the lease has ended too early, or was not extended in time: another consumer may have the event
 */
export type Handler = (event: ReceivedEvent, lost: AbortSignal) => unknown

const LONG_POLL_SECONDS = 20
/** The service takes so many characters, none of them a control character. */
const REASON_LENGTH = 500

/** What is known here of a lease: it ends unless an extension is answered in time, also while the service is unreachable. */
class Lease {
  readonly #ms: number
  readonly #lost = new AbortController()
  #since = 0
  #timer: NodeJS.Timeout | undefined

  /** @param since when it began, by `performance.now()` */
  constructor(ms: number, since: number) {
    this.#ms = ms
    this.renew(since)
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** @param since when the extension was sent: when it arrived is unknown */
  renew(since: number): void {
    this.#since = Math.max(this.#since, since)
    this.release()
    this.#timer = setTimeout(() => this.end(), this.#since + this.#ms - performance.now())
  }

  end(): void {
    this.release()
    this.#lost.abort(new Error('The lease has ended'))
  }

  /** The event is settled. */
  release(): void {
    clearTimeout(this.#timer)
  }
}

/** Takes events and hands each to a handler, until it is stopped. */
export class Consumer {
  /** Resolves when it has stopped; rejects, after the last handler, when the service refuses to hand out events. */
  readonly done: Promise<void>
  readonly #requests: Requests
  readonly #handler: Handler
  readonly #options: ConsumeOptions
  readonly #leaseSeconds: number
  readonly #onError: (error: unknown, event?: ReceivedEvent) => void
  readonly #stopping = new AbortController()
  /** Aborted after the last handler. */
  readonly #ended = new AbortController()
  /** The leases of the events that are being handled, by receipt. */
  readonly #held = new Map<string, Lease>()
  #onReleased: () => void = () => {}

  constructor(requests: Requests, handler: Handler, options: ConsumeOptions) {
    this.#requests = requests
    this.#handler = handler
    this.#options = options
    this.#leaseSeconds = options.leaseSeconds ?? 30
    this.#onError = options.onError ?? ((error, event) => console.error(event?.id ?? 'consume', error))
    this.done = this.#run()
  }

  /** Takes no further event. @returns when the running handlers have ended and their events are acknowledged */
  stop(): Promise<void> {
    this.#stopping.abort()
    return this.done
  }

  async #run(): Promise<void> {
    const { concurrency = 1, signal } = this.#options
    const stop = (): void => this.#stopping.abort()
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    const extending = setInterval(() => this.#extend(), (this.#leaseSeconds * 1000) / 3)
    try {
      while (!this.#stopping.signal.aborted) {
        // Not more than can begin at once: a lease that is given back unused counts as well.
        const events = await this.#receive(concurrency - this.#held.size)
        // Not from when the request was sent: the service leases an event when its long poll ends.
        const leasedAt = performance.now()
        for (const event of events) void this.#handle(event, leasedAt)
        if (this.#held.size >= concurrency) await this.#released()
      }
    } finally {
      while (this.#held.size > 0) await this.#released()
      clearInterval(extending)
      this.#ended.abort()
      signal?.removeEventListener('abort', stop)
    }
  }

  #released(): Promise<void> {
    return new Promise((resolve) => {
      this.#onReleased = resolve
    })
  }

  async #receive(max: number): Promise<ReceivedEvent[]> {
    const { subscription, include } = this.#options
    const request = { max, waitSeconds: LONG_POLL_SECONDS, leaseSeconds: this.#leaseSeconds, subscription, include }
    const { signal } = this.#stopping
    try {
      const call = { signal, waitMs: LONG_POLL_SECONDS * 1000, retryForMs: Infinity, onRetry: this.#onError }
      return (await this.#post<ReceivedEvents>('receive', request, call)).events
    } catch (error) {
      if (signal.aborted) return []
      throw error
    }
  }

  async #handle(event: ReceivedEvent, leasedAt: number): Promise<void> {
    const lease = new Lease(this.#leaseSeconds * 1000, leasedAt)
    this.#held.set(event.receipt, lease)
    try {
      await this.#handler(event, lease.lost)
      await this.#settle('ack', event, () => ({}))
    } catch (error) {
      this.#onError(error, event)
      await this.#settle('nack', event, () => ({ delaySeconds: this.#delayOf(event, error), reason: reasonOf(error) }))
    } finally {
      lease.release()
      this.#held.delete(event.receipt)
      this.#onReleased()
    }
  }

  #delayOf(event: ReceivedEvent, error: unknown): number {
    const { retryDelaySeconds } = this.#options
    if (retryDelaySeconds) return retryDelaySeconds(event, error)
    return Math.ceil((1 + Math.random()) * Math.min(1800, 2 ** (event.receiveCount - 1)))
  }

  /** Retries no longer than the lease lasts. Whatever fails here, the event comes again. */
  async #settle(how: 'ack' | 'nack', { receipt, ...event }: ReceivedEvent, options: () => object): Promise<void> {
    try {
      const body = { receipts: [receipt], ...options() }
      const { rejected } = await this.#post<Acked>(how, body, { retryForMs: this.#leaseSeconds * 1000 })
      if (rejected.length > 0) throw new Error(`The lease ended before the ${how}`)
    } catch (error) {
      this.#onError(error, { receipt, ...event })
    }
  }

  /** Extends all leases. It is not retried: the next call comes before they end. */
  async #extend(): Promise<void> {
    const receipts = [...this.#held.keys()]
    if (receipts.length === 0) return
    const { signal } = this.#ended
    const sent = performance.now()
    try {
      const body = { receipts, leaseSeconds: this.#leaseSeconds }
      const { rejected } = await this.#post<Acked>('extend', body, { signal, retryForMs: 0 })
      const refused = new Set(rejected.map(({ receipt }) => receipt))
      for (const receipt of receipts) {
        const lease = this.#held.get(receipt)
        if (refused.has(receipt)) lease?.end()
        else lease?.renew(sent)
      }
    } catch (error) {
      if (!signal.aborted) this.#onError(error)
    }
  }

  async #post<T>(route: string, body: object, call: Omit<Call, 'path' | 'body'>): Promise<T> {
    return (await this.#requests.send<T>({ path: `/events/${route}`, body: JSON.stringify(body), ...call })).body
  }
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return [...text.toWellFormed().replace(/\p{Cc}+/gu, ' ')].slice(0, REASON_LENGTH).join('')
}
