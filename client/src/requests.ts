import { setTimeout as pause } from 'node:timers/promises'
import type { ErrorAnswer, ErrorDetail } from './api.ts'

export interface IntakeOptions {
  /** Where the service is; may have a path. */
  url: string | URL
  apiKey?: string | undefined
  /**
   * Time for one try, in milliseconds; the 20 seconds for which a consumer waits for events come on top. Default: 60,000,
   * longer than the service takes for any answer. Infinity: no limit.
   */
  timeoutMs?: number
  /** How long a request is retried, in milliseconds. Default: 120,000; 0: never; Infinity: until its signal is aborted. */
  retryForMs?: number
}

/** Chance and waiting, for tests. */
export interface Timing {
  random(): number
  sleep(ms: number, signal?: AbortSignal): Promise<unknown>
}

type Body = Partial<Omit<ErrorAnswer, 'code'>> & { code?: string }

/** Why a request has failed. */
export class IntakeError extends Error {
  override name = 'IntakeError'
  /** The status of the answer; 0 when there was none. */
  readonly status: number
  /** A code of the service, `NO_ANSWER`, or empty when the answer came from elsewhere, such as a proxy. */
  readonly code: string
  /** Every problem that the service found, with its place in the request. */
  readonly details: ErrorDetail[]
  /** How long the service asks to wait, in milliseconds. */
  readonly retryAfterMs: number

  constructor(status: number, { code = '', message = '', details = [] }: Body, retryAfterMs = 0, cause?: unknown) {
    super([status || '', code, message].filter(Boolean).join(' '), { cause })
    this.status = status
    this.code = code
    this.details = details
    this.retryAfterMs = retryAfterMs
  }

  /** Whether the same request may succeed later. */
  get isTransient(): boolean {
    const { status, code } = this
    return status === 0 || status === 408 || status === 429 || status >= 500 || code === 'IDEMPOTENCY_KEY_IN_USE'
  }
}

export interface Call {
  path: string
  /** The JSON of a POST; without it, it is a GET. */
  body?: string
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
  /** How long the service may wait before it answers, in milliseconds; added to `timeoutMs`. */
  waitMs?: number
  retryForMs?: number
  /** Called before each retry. */
  onRetry?(error: IntakeError): void
}

export interface Answer<T> {
  body: T
  /** Whether it repeats the answer to an earlier request with the same key. */
  replayed: boolean
}

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 10_000
const DAY_MS = 86_400_000
/** A longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Sends requests, and repeats each unchanged until it has a final answer. */
export class Requests {
  readonly #base: string
  readonly #headers: Record<string, string>
  readonly #timeoutMs: number
  readonly #retryForMs: number
  readonly #timing: Timing

  constructor({ url, apiKey, timeoutMs = 60_000, retryForMs = 120_000 }: IntakeOptions, timing?: Timing) {
    const { href, protocol, username, password } = new URL(url)
    if (!/^https?:$/.test(protocol) || username || password) {
      throw new TypeError(`url must begin with http:// or https:// and have no password: ${protocol}`)
    }
    this.#base = href.replace(/\/+$/, '')
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
    this.#timeoutMs = timeoutMs
    this.#retryForMs = retryForMs
    this.#timing = timing ?? { random: Math.random, sleep: (ms, signal) => pause(ms, undefined, { signal }) }
  }

  /**
   * @throws {IntakeError} when it is refused, or still has no final answer after `retryForMs`
   * @throws {TypeError} when it cannot be sent, for example for the characters of a header
   * @throws the reason of `signal` when that is aborted; whether the request took effect is unknown
   */
  async send<T>(call: Call): Promise<Answer<T>> {
    const { signal, retryForMs = this.#retryForMs, onRetry } = call
    const end = performance.now() + retryForMs
    for (let failures = 0; ; failures++) {
      signal?.throwIfAborted()
      try {
        return await this.#attempt<T>(call)
      } catch (error) {
        if (!(error instanceof IntakeError && error.isTransient)) throw error
        // On top of what the service asks for: clients that were told the same do not come back together.
        const jitter = this.#timing.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures)
        const pauseMs = error.retryAfterMs + jitter
        if (performance.now() + pauseMs > end) throw error
        onRetry?.(error)
        await this.#timing.sleep(pauseMs, signal).catch(() => signal?.throwIfAborted())
      }
    }
  }

  async #attempt<T>({ path, body, headers, signal, waitMs = 0 }: Call): Promise<Answer<T>> {
    // Neither AbortSignal.timeout, whose timers outlive the request, nor AbortSignal.any, which leaks in older versions.
    const ended = new AbortController()
    const abort = (): void => ended.abort()
    const post = body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': 'application/json' } }
    const init = {
      ...post,
      // Checked outside the try: what cannot be sent is no trouble of the network.
      headers: new Headers({ ...post.headers, ...this.#headers, ...headers }),
      redirect: 'manual' as const,
      signal: ended.signal,
    }
    const timeoutMs = Math.min(LONGEST_TIMER_MS, this.#timeoutMs + waitMs)
    const timer = setTimeout(abort, timeoutMs)
    signal?.addEventListener('abort', abort)
    try {
      const response = await fetch(this.#base + path, init)
      const text = await response.text()
      if (!response.ok) throw refusal(response, text)
      return { body: JSON.parse(text), replayed: response.headers.get('idempotent-replayed') === 'true' }
    } catch (error) {
      if (error instanceof IntakeError) throw error
      signal?.throwIfAborted()
      // The message of fetch itself is always the same.
      const message = ended.signal.aborted
        ? `No answer within ${timeoutMs} ms`
        : String((error as Error).cause ?? error)
      throw new IntakeError(0, { code: 'NO_ANSWER', message }, 0, error)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }
}

function refusal({ status, headers }: Response, text: string): IntakeError {
  const asked = headers.get('retry-after') ?? ''
  const ms = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - Date.now()
  // A timer of more than 24 days would fire at once.
  const retryAfterMs = Math.min(DAY_MS, Math.max(0, ms || 0))
  try {
    return new IntakeError(status, JSON.parse(text), retryAfterMs)
  } catch {
    return new IntakeError(status, {}, retryAfterMs)
  }
}
