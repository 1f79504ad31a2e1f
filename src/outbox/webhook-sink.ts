import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Webhook } from 'standardwebhooks'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import type { Clock } from '../kit/clock.ts'
import { CLOUD_EVENT } from './message.ts'
import { failureOf, type Message, type SendResult, type Sink } from './sink.ts'
import type { SinkAddress } from './sink-url.ts'
import { readWebhookSecret } from './webhook-secret.ts'

/** HTTP/1.1: a call that times out ends its connection, while a dead one of HTTP/2 would be kept for minutes. */
const CONNECTION = { timeout: 5_000, allowH2: false }
/** Below the time-out of the forwarder, so that each event of a batch has its own result. */
const ANSWER_MS = 10_000
/** An answer's status counts; its body is read only so that the connection can be used again. */
const BODY_MS = 5_000
const BODY_BYTES = 16_384

export interface WebhookOptions {
  /** A JSON file with the secret of each subscription. */
  secretsFile: string | null
  /** Whether loopback and private addresses may be called. */
  allowsPrivate: boolean
  clock: Clock
}

/** @throws {ConfigError} when there is no usable secret for the subscription */
export function openWebhookSink({ url, subscription }: SinkAddress, options: WebhookOptions): Sink {
  return new WebhookSink(url, readWebhookSecret(subscription, options.secretsFile), options)
}

/** Posts each event in a call of its own, signed as Standard Webhooks specify. */
class WebhookSink implements Sink {
  /** Posts at the same time; more than one, so that an event which the receiver always fails on delays no others. */
  readonly batchSize = 4
  readonly #url: URL
  readonly #signer: Webhook
  readonly #clock: Clock
  readonly #agent: Agent

  constructor(url: URL, secret: string, { allowsPrivate, clock }: WebhookOptions) {
    this.#url = url
    this.#signer = new Webhook(secret)
    this.#clock = clock
    this.#agent = new Agent({ allowH2: false, connect: allowsPrivate ? CONNECTION : connectPublic })
  }

  send(messages: Message[], signal: AbortSignal): Promise<SendResult[]> {
    return Promise.all(
      messages.map((message) =>
        this.#post(message, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)])).catch(
          (error): SendResult => ({ kind: 'failed', reason: failureOf(error) }),
        ),
      ),
    )
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }

  /** A redirect is not followed: `request` of an agent never does. */
  async #post({ id, json }: Message, signal: AbortSignal): Promise<SendResult> {
    const now = new Date(this.#clock.now())
    const answer = await this.#agent.request({
      origin: this.#url.origin,
      path: this.#url.pathname + this.#url.search,
      method: 'POST',
      headers: {
        'content-type': `${CLOUD_EVENT}; charset=utf-8`,
        'user-agent': 'fragrance-formula-intake',
        'webhook-id': id,
        'webhook-timestamp': `${Math.floor(now.getTime() / 1000)}`,
        'webhook-signature': this.#signer.sign(id, now, json),
      },
      body: json,
      signal,
    })
    // Beyond these bounds the connection is closed.
    answer.body.dump({ limit: BODY_BYTES, signal: AbortSignal.timeout(BODY_MS) }).catch(() => {})
    return toResult(answer, now.getTime())
  }
}

function toResult({ statusCode, headers }: Dispatcher.ResponseData, now: number): SendResult {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'taken' }
  const reason = `The answer was ${statusCode}`
  if (statusCode === 410) return { kind: 'gone', reason }
  const isAway = statusCode === 408 || statusCode === 429 || statusCode >= 500
  if (!isAway) return { kind: 'refused', reason }
  const { 'retry-after': after } = headers
  return { kind: 'failed', reason, retryAfterMs: typeof after === 'string' ? millisecondsOf(after, now) : 0 }
}

/** @param after seconds, or a date; anything else is 0 */
function millisecondsOf(after: string, now: number): number {
  const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - now
  return Math.max(ms || 0, 0)
}

const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3')

/** Neither loopback, private, link-local, nor otherwise reserved. */
function isPublic(text: string): boolean {
  const address = ipaddr.process(text)
  return address.range() === 'unicast' && (address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST))
}

const isPrivate = (host: string): Error =>
  new Error(`${host} is a private address, which FORWARD_PRIVATE=true would allow`)

/** Resolves a name for a connection, so that a name which changes its address in between gains nothing. */
const lookupPublic: LookupFunction = (host, options, callback) =>
  lookup(host, { ...options, all: true }, (error, addresses) => {
    const usable = (addresses ?? []).filter(({ address }) => isPublic(address))
    const [first] = usable
    if (error !== null) callback(error, [])
    else if (first === undefined) callback(isPrivate(host), [])
    else if (options.all) callback(null, usable)
    else callback(null, first.address, first.family)
  })

const connect = buildConnector({ ...CONNECTION, lookup: lookupPublic })

/** Node does not look up a host that is an address already. */
const connectPublic: buildConnector.connector = (options, callback) => {
  const host = options.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && !isPublic(host)) callback(isPrivate(host), null)
  else connect(options, callback)
}
