import { SUBSCRIPTION_NAME } from '../stores/ports.ts'

/** Where events are pushed to, and which subscription they are read from. */
export interface SinkAddress {
  kind: 'sqs' | 'webhook' | 'nats'
  /** Without the fragment. */
  url: URL
  subscription: string
}

const KINDS: Record<string, SinkAddress['kind']> = {
  'https:': 'webhook',
  'http:': 'webhook',
  'nats:': 'nats',
  'tls:': 'nats',
}

/** A subject of NATS that names one thing: no wildcards. */
const SUBJECT = /^\/[\w-]+(?:\.[\w-]+)*$/

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/**
 * Reads one URL: its scheme names the kind of sink, its fragment the subscription.
 * @throws {Error} saying what is expected, without the URL, which may hold secrets
 */
export function readSinkUrl(text: string): SinkAddress {
  const isSqs = /^sqs\+https?:/i.test(text)
  const url = URL.parse(isSqs ? text.slice('sqs+'.length) : text)
  const kind = isSqs ? 'sqs' : KINDS[url?.protocol ?? '']
  if (!url?.hostname || kind === undefined) throw new Error('must be of sqs+https, sqs+http, https, http, nats or tls')
  const subscription = url.hash.slice(1)
  if (!SUBSCRIPTION_NAME.test(subscription)) {
    throw new Error('must end with # and a subscription: 1 to 64 of a-z 0-9 _ . -, the first a letter or digit')
  }
  url.hash = ''
  if (kind !== 'nats' && url.username + url.password !== '') throw new Error('must name no user')
  if (kind === 'nats' && (!SUBJECT.test(url.pathname) || url.search !== '')) {
    throw new Error('must have a subject as its path, such as /formulas.created')
  }
  if (!isEncoded(url.username + url.password)) throw new Error('must percent-encode user and password')
  return { kind, url, subscription }
}
