import { backoffMs } from '../kit/backoff.ts'
import { type Clock, Deadline, type Random, sleep, systemClock } from '../kit/clock.ts'
import type { ServiceOptions } from './options.ts'
import type { List } from './upload.ts'

/** A final answer: sending the request again would not change it. */
export interface Answer {
  status: number
  /** Whether it repeats the answer to an earlier request with the same key. */
  replayed: boolean
  /** Null when it is not JSON. */
  body: unknown
  /** Whether an earlier attempt, whose answer was lost or a failure, may have done what was asked. */
  mayRepeat?: true
}

/** Why a request has to be sent again. */
interface Retry {
  reason: string
  retryAfterMs: number
  /** Whether it may have been carried out all the same. */
  mayBeDone: boolean
}

/** There was no connection. */
const UNREACHED = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/

/** Stopped before an answer arrived, or before the end of a file. */
export class Interrupted extends Error {}

/** The service was down or overloaded for too long. */
export class GaveUp extends Error {}

/** Retrying cannot help. */
export class CannotContinue extends Error {}

/** Longer than the service takes over any answer. */
const TIMEOUT_MS = 60_000
const PAUSE = { baseMs: 200, maxMs: 10_000 }

interface Timing {
  clock: Clock
  random: Random
  timeoutMs: number
}

/** HTTP client of a running service. Each request is repeated unchanged until it has a final answer. */
export class ServiceClient {
  /** Why a request is being repeated now; null while the service answers. */
  #waitingFor: string | null = null
  readonly #base: string
  readonly #headers: Record<string, string>
  readonly #giveUpAfterMs: number
  readonly #stop: AbortSignal
  readonly #timing: Timing

  /** @param stop no request is repeated once it is aborted */
  constructor({ url, apiKey, giveUpAfterMs }: ServiceOptions, stop: AbortSignal, timing: Partial<Timing> = {}) {
    this.#base = url.href.replace(/\/+$/, '')
    this.#headers = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }
    this.#giveUpAfterMs = giveUpAfterMs
    this.#stop = stop
    this.#timing = { clock: systemClock, random: Math.random, timeoutMs: TIMEOUT_MS, ...timing }
  }

  /** For the end of a progress line; empty while the service answers. */
  get waitingNote(): string {
    return this.#waitingFor === null ? '' : `; waiting: ${this.#waitingFor}`
  }

  /**
   * Submits a list; known compositions are skipped.
   * @throws {Interrupted | GaveUp | CannotContinue}
   */
  submit({ body, key }: List): Promise<Answer> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key }
    return this.#send('/formulas?onDuplicate=skip', { method: 'POST', headers, body })
  }

  /**
   * Fetches a page of formulas, newest first.
   * @throws {Interrupted | GaveUp | CannotContinue}
   */
  page(limit: number, cursor: string | null): Promise<Answer> {
    const from = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    return this.#send(`/formulas?limit=${limit}${from}`, {})
  }

  /**
   * Erases a formula.
   * @returns a 404 if there is none, or an earlier attempt has erased it: see `mayRepeat`
   * @throws {Interrupted | GaveUp | CannotContinue}
   */
  erase(id: string): Promise<Answer> {
    return this.#send(`/formulas/${id}`, { method: 'DELETE' })
  }

  async #send(path: string, init: RequestInit): Promise<Answer> {
    const { clock, random } = this.#timing
    const patience = new Deadline(clock, this.#giveUpAfterMs)
    let mayRepeat = false
    for (let failures = 1; ; failures++) {
      const result = await this.#attempt(path, init)
      if ('status' in result) {
        if (failures > 1) this.#waitingFor = null
        if (result.status !== 401 && result.status !== 403) return mayRepeat ? { ...result, mayRepeat } : result
        throw new CannotContinue(`The service refuses the API key: ${describe(result)}`)
      }
      mayRepeat ||= result.mayBeDone
      if (this.#stop.aborted) throw new Interrupted()
      if (patience.left === 0) throw new GaveUp(`Gave up: ${result.reason}`)
      this.#waitingFor = result.reason
      await sleep(clock, Math.max(result.retryAfterMs, backoffMs(failures, PAUSE, random)), this.#stop)
      if (this.#stop.aborted) throw new Interrupted()
    }
  }

  async #attempt(path: string, init: RequestInit): Promise<Answer | Retry> {
    const headers = { ...init.headers, ...this.#headers }
    // Not AbortSignal.timeout: the timers of thousands of finished requests would stay alive until they expire.
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new Error('no answer in time')), this.#timing.timeoutMs)
    try {
      const response = await fetch(this.#base + path, { ...init, headers, redirect: 'manual', signal: late.signal })
      const { status, headers: received } = response
      const replayed = received.get('idempotent-replayed') === 'true'
      const answer = { status, replayed, body: parsed(await response.text()) }
      if (!isTransient(answer)) return answer
      const retryAfterMs = (Number(received.get('retry-after')) || 0) * 1000
      return { reason: describe(answer), retryAfterMs, mayBeDone: !isTurnedAway(answer) }
    } catch (error) {
      const cause = deepestCause(error)
      const lasting = permanentReason(cause)
      if (lasting !== null) throw new CannotContinue(lasting, { cause: error })
      const code = String(cause.code)
      return { reason: cause.message || code, retryAfterMs: 0, mayBeDone: !UNREACHED.test(code) }
    } finally {
      clearTimeout(timer)
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const isTransient = ({ status, body }: Answer): boolean =>
  status >= 500 || status === 408 || status === 429 || (status === 409 && codeOf(body) === 'IDEMPOTENCY_KEY_IN_USE')

/** Whether the service, or a proxy before it, turned the request away unread. */
const isTurnedAway = ({ status, body }: Answer): boolean =>
  status === 429 || /^SERVICE_(?:OVERLOADED|STOPPING)$/.test(codeOf(body) ?? '')

export function describe({ status, body }: Answer): string {
  const { code, message } = (body ?? {}) as { code?: string; message?: string }
  return [status, code, message].filter((part) => part !== undefined).join(' ')
}

/** The code of an error answer. */
export const codeOf = (body: unknown): string | undefined => (body as { code?: string } | null)?.code

/** The message of fetch itself is always `fetch failed`. */
function deepestCause(error: unknown): NodeJS.ErrnoException {
  const { cause } = error as Error
  return cause instanceof Error ? deepestCause(cause) : (error as NodeJS.ErrnoException)
}

const CERTIFICATE = /^(CERT_|ERR_TLS_CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)_)/

/** @returns why trying again cannot help; null where it may */
function permanentReason({ code = '', message, name }: NodeJS.ErrnoException): string | null {
  if (message === 'bad port') {
    return 'Node refuses to connect to ports that browsers block (10080, 6000 and others): choose another'
  }
  if (CERTIFICATE.test(code)) {
    return `The certificate of the service is not trusted (${code}); NODE_EXTRA_CA_CERTS names a file with its authority`
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return 'The server there does not speak TLS: is it http:// instead of https://?'
  }
  if (name === 'HTTPParserError') return 'The server there does not speak HTTP: is it https:// instead of http://?'
  return null
}
