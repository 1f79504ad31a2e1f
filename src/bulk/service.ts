import type { List } from './lists.ts'

/** What the service said to one request. */
export interface Answer {
  status: number
  /** How long to wait before the request is sent again, in milliseconds; 0 when it did not say. */
  retryAfterMs: number
  replayed: boolean
  /** Null when it is no JSON. */
  body: unknown
}

/** No answer came, so nobody knows what became of the request. */
export class NoAnswer extends Error {}

/** No answer will ever come from there: the address, or what answers at it, is wrong. */
export class NeverAnswers extends Error {}

/** Longer than the service takes over any answer. */
const TIMEOUT_MS = 60_000

/** A running service, known by nothing but its HTTP interface. */
export class Service {
  readonly #base: string
  readonly #headers: Record<string, string>
  readonly #timeoutMs: number

  constructor(url: URL, apiKey: string | null, timeoutMs = TIMEOUT_MS) {
    this.#base = url.href.replace(/\/+$/, '')
    this.#headers = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }
    this.#timeoutMs = timeoutMs
  }

  /**
   * Sends a list; compositions that are known already are passed over.
   * @throws {NoAnswer | NeverAnswers}
   */
  submit({ body, key }: List): Promise<Answer> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key }
    return this.#ask('/formulas?onDuplicate=skip', { method: 'POST', headers, body })
  }

  /**
   * Asks for a page of formulas, newest first.
   * @throws {NoAnswer | NeverAnswers}
   */
  page(limit: number, cursor: string | null): Promise<Answer> {
    const from = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    return this.#ask(`/formulas?limit=${limit}${from}`, {})
  }

  async #ask(path: string, init: RequestInit): Promise<Answer> {
    const headers = { ...init.headers, ...this.#headers }
    // Not AbortSignal.timeout: those of thousands of requests would all live on until their time is over.
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new Error('no answer in time')), this.#timeoutMs)
    try {
      const response = await fetch(this.#base + path, { ...init, headers, redirect: 'manual', signal: late.signal })
      return {
        status: response.status,
        retryAfterMs: (Number(response.headers.get('retry-after')) || 0) * 1000,
        replayed: response.headers.get('idempotent-replayed') === 'true',
        body: parsed(await response.text()),
      }
    } catch (error) {
      const lasting = lastingReason(deepestCause(error))
      if (lasting !== null) throw new NeverAnswers(lasting, { cause: error })
      const { message, code } = deepestCause(error)
      throw new NoAnswer(message || String(code), { cause: error })
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

/** fetch says only that it failed; why stands below. */
function deepestCause(error: unknown): NodeJS.ErrnoException {
  const { cause } = error as Error
  return cause instanceof Error ? deepestCause(cause) : (error as NodeJS.ErrnoException)
}

const CERTIFICATE = /^(CERT_|ERR_TLS_CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)_)/

/**
 * Why asking again does not help; null where it may.
 * @param error what fetch failed for
 */
function lastingReason({ code = '', message, name }: NodeJS.ErrnoException): string | null {
  if (message === 'bad port') {
    return 'Node connects to no port that browsers keep from web pages (10080, 6000 and others): choose another'
  }
  if (CERTIFICATE.test(code)) {
    return `The certificate of the service is not trusted (${code}); NODE_EXTRA_CA_CERTS names a file with its authority`
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return 'What answers there does not speak TLS: is it http:// instead of https://?'
  }
  if (name === 'HTTPParserError') return 'What answers there does not speak HTTP: is it https:// instead of http://?'
  return null
}
