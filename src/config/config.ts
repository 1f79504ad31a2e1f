import { BlockList, isIP } from 'node:net'
import type { SinkAddress } from '../outbox/sink-url.ts'
import { DEFAULT_SUBSCRIPTION } from '../stores/ports.ts'
import {
  address,
  file,
  flag,
  hosts,
  integer,
  networks,
  oneOf,
  optionalFile,
  origins,
  sinks,
  store,
  uriReference,
  type Variable,
  webAddress,
} from './variable.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
const LONGEST_MS = 3_600_000

/** For users who have not set HOST themselves. */
export const HOST_HINT = 'some shells set HOST themselves, to a name of the machine: unset it, or name an address'

/** Every variable the service reads. */
export const variables = {
  HOST: address('127.0.0.1', 'Address to listen on; beyond loopback with keys or ALLOW_ANONYMOUS=true'),
  PORT: integer(3000, 0, 65_535, 'Port to listen on; 0 takes any free one'),
  LOG_LEVEL: oneOf('info', LOG_LEVELS, 'Least severe level that is logged'),
  DATABASE_URL: store('sqlite:./data/formulas.db', 'Where formulas are kept'),
  QUEUE_URL: store(null, 'Where events are kept; the same as DATABASE_URL when unset'),
  FORWARD_TO: sinks('Where events are forwarded to, blanks between; each from its own subscription'),
  FORWARD_PRIVATE: flag(false, 'Lets webhooks be at loopback and private addresses'),
  WEBHOOK_SECRETS_FILE: optionalFile('JSON file with the secret of each webhook, by subscription'),
  SQS_QUEUE_URL: webAddress('SQS queue to forward events of the default subscription to'),
  EVENT_SOURCE: uriReference('/formulas', 'The source attribute of forwarded CloudEvents'),
  OTEL_EXPORTER_OTLP_ENDPOINT: webAddress('Collector to send traces and metrics to; unset, nothing is traced'),
  OTEL_METRICS_EXPORTER: oneOf('otlp', ['otlp', 'none'], 'Whether metrics are sent to the collector'),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: webAddress('Full URL for metrics, if not /v1/metrics of the collector'),
  OTEL_METRIC_EXPORT_INTERVAL: integer(60_000, 1, LONGEST_MS, 'How often metrics are sent, in milliseconds'),
  API_KEYS_FILE: file('File with the API keys that callers must show; unset, anyone may call'),
  ALLOW_ANONYMOUS: flag(false, 'Lets an address other than loopback serve callers without keys'),
  ALLOWED_HOSTS: hosts('Further hosts to answer to, and whose pages may change things; blanks or commas between'),
  CORS_ORIGINS: origins('Sites whose pages may use the service, * for all with keys; blanks or commas between'),
  TRUSTED_PROXIES: networks('Proxies whose X-Forwarded-For is believed; blanks or commas between'),
  SUBMIT_RETRIES: integer(3, 1, 20, 'Attempts to store a submission in all, the first included'),
  SUBMIT_RETRY_BASE_MS: integer(1000, 1, LONGEST_MS, 'Longest pause before the second attempt; doubles with each'),
  SUBMIT_RETRY_MAX_MS: integer(10_000, 1, LONGEST_MS, 'Longest pause between two attempts'),
  SUBMIT_DEADLINE_MS: integer(30_000, 1, LONGEST_MS, 'Bounds a submission with all its attempts and pauses'),
  IDEMPOTENCY_TTL_HOURS: integer(24, 1, 8760, 'How long the answer of an idempotency key is kept'),
  IDEMPOTENCY_WAIT_MS: integer(10_000, 1, LONGEST_MS, 'How long a submission waits for an earlier one of the same key'),
  EVENT_LEASE_SECONDS: integer(30, 1, 43_200, 'How long an event is leased when the consumer does not say'),
  EVENT_MAX_LEASE_SECONDS: integer(43_200, 1, 43_200, 'Longest lease a consumer may ask for'),
  EVENT_MAX_RECEIVES: integer(5, 1, 1000, 'Leases without an ack after which an event is a dead letter'),
  EVENT_RETENTION_HOURS: integer(168, 0, 8760, 'How long events are kept; longer while a subscription needs them'),
  BODY_LIMIT_BYTES: integer(
    1_048_576,
    1024,
    67_108_864,
    'Largest body of a submission; of other requests at most 131072',
  ),
  RATE_LIMIT_PER_MINUTE: integer(0, 0, Infinity, 'Requests a caller may send in a minute; 0 sets no limit'),
} satisfies Record<string, Variable<unknown>>

type Name = keyof typeof variables
type Values = { [N in Name]: ReturnType<(typeof variables)[N]['read']> }

/** The validated configuration. */
export type Config = ReturnType<typeof toConfig>

/** The service cannot start with these values. */
export class ConfigError extends Error {
  /** One line each. */
  readonly problems: string[]

  constructor(problems: string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/**
 * Reads the configuration from environment variables.
 * @throws {ConfigError} with every problem
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const problems: string[] = []
  const values: Partial<Record<Name, unknown>> = {}
  for (const [name, variable] of Object.entries(variables) as [Name, Variable<unknown>][]) {
    const value = textOf(env[name], variable)
    if (value === null) {
      values[name] = null
      continue
    }
    try {
      values[name] = readValue(value, variable)
    } catch (error) {
      problems.push(`${name}=${shown(name, value)}: ${(error as Error).message}`)
    }
  }
  if (values.QUEUE_URL === null) values.QUEUE_URL = values.DATABASE_URL
  problems.push(...conflicts(values as Partial<Values>))
  if (problems.length > 0) throw new ConfigError(problems)
  return toConfig(values as Values)
}

/** @returns the trimmed value, or the default. An empty value counts as unset, unless the variable refuses that */
function textOf(given: string | undefined, { default: fallback, refusesEmpty }: Variable<unknown>): string | null {
  const value = given?.replace(/^[ \t]+|[ \t]+$/g, '')
  return value === undefined || (value === '' && !refusesEmpty) ? fallback : value
}

function readValue(value: string, variable: Variable<unknown>): unknown {
  if (/\p{Cc}/u.test(value)) throw new Error('must not hold control characters, line ends included')
  return variable.read(value)
}

/** Finds values that are valid alone, but not together. */
function conflicts(values: Partial<Values>): string[] {
  const problems: string[] = []
  const { HOST: host, API_KEYS_FILE: keys, ALLOW_ANONYMOUS: anonymous } = values
  const { DATABASE_URL: database, QUEUE_URL: queue } = values
  if (host !== undefined && !keys && anonymous === false && !isLoopback(host)) {
    const hint = isIP(host) === 0 ? `; ${HOST_HINT}` : ''
    problems.push(
      `HOST=${shown('HOST', host)}: is not a loopback address; set API_KEYS_FILE, or ALLOW_ANONYMOUS=true to serve callers without keys there${hint}`,
    )
  }
  if (!keys && values.CORS_ORIGINS?.includes('*')) {
    problems.push('CORS_ORIGINS="*": needs API_KEYS_FILE; without keys, name each origin')
  }
  if (database?.engine === 'memory' && queue !== undefined && queue.engine !== 'memory') {
    problems.push('QUEUE_URL: a durable queue needs a durable database, but DATABASE_URL is memory:')
  }
  if (values.SQS_QUEUE_URL && values.FORWARD_TO?.some(({ subscription }) => subscription === DEFAULT_SUBSCRIPTION)) {
    problems.push(`SQS_QUEUE_URL: forwards the subscription ${DEFAULT_SUBSCRIPTION}, which FORWARD_TO forwards as well`)
  }
  const { EVENT_LEASE_SECONDS: lease, EVENT_MAX_LEASE_SECONDS: longest } = values
  if (lease !== undefined && longest !== undefined && longest < lease) {
    problems.push(`EVENT_MAX_LEASE_SECONDS="${longest}": must not be below EVENT_LEASE_SECONDS (${lease})`)
  }
  return problems
}

function toConfig(values: Values) {
  return {
    host: values.HOST,
    port: values.PORT,
    logLevel: values.LOG_LEVEL,
    database: values.DATABASE_URL,
    queue: values.QUEUE_URL,
    /** Where events are forwarded to, each from a subscription of its own. */
    sinks: sinksOf(values),
    webhooks: {
      secretsFile: values.WEBHOOK_SECRETS_FILE,
      /** Whether loopback and private addresses may be called. */
      allowsPrivate: values.FORWARD_PRIVATE,
    },
    /** The source of forwarded events: a URI reference. */
    eventSource: values.EVENT_SOURCE,
    /** Null if nothing is traced. */
    otlpEndpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
    /** Null if metrics are not sent. */
    otlpMetrics: otlpMetricsOf(values),
    /** Null if callers are anonymous. */
    apiKeysFile: values.API_KEYS_FILE,
    /** Accepted in a `Host` header, in addition to loopback hosts. */
    allowedHosts: values.ALLOWED_HOSTS ?? [],
    /** Origins whose pages may use the service; `*` is every origin. */
    corsOrigins: values.CORS_ORIGINS ?? [],
    /** Addresses and networks whose `X-Forwarded-For` is trusted. */
    trustedProxies: values.TRUSTED_PROXIES ?? [],
    submitRetries: values.SUBMIT_RETRIES,
    submitRetryBaseMs: values.SUBMIT_RETRY_BASE_MS,
    submitRetryMaxMs: values.SUBMIT_RETRY_MAX_MS,
    submitDeadlineMs: values.SUBMIT_DEADLINE_MS,
    idempotencyTtlHours: values.IDEMPOTENCY_TTL_HOURS,
    idempotencyWaitMs: values.IDEMPOTENCY_WAIT_MS,
    eventLeaseSeconds: values.EVENT_LEASE_SECONDS,
    eventMaxLeaseSeconds: values.EVENT_MAX_LEASE_SECONDS,
    eventMaxReceives: values.EVENT_MAX_RECEIVES,
    eventRetentionHours: values.EVENT_RETENTION_HOURS,
    bodyLimitBytes: values.BODY_LIMIT_BYTES,
    /** 0 for no limit. */
    rateLimitPerMinute: values.RATE_LIMIT_PER_MINUTE,
  }
}

function otlpMetricsOf(values: Values): { url: string; intervalMs: number } | null {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: own } = values
  const url = own ?? (base && `${base.replace(/\/$/, '')}/v1/metrics`)
  if (url === null || values.OTEL_METRICS_EXPORTER === 'none') return null
  return { url, intervalMs: values.OTEL_METRIC_EXPORT_INTERVAL }
}

function sinksOf({ FORWARD_TO: addresses, SQS_QUEUE_URL: queue }: Values): SinkAddress[] {
  if (queue === null) return addresses ?? []
  return [...(addresses ?? []), { kind: 'sqs', url: new URL(queue), subscription: DEFAULT_SUBSCRIPTION }]
}

/**
 * Formats a value for a message, in one line and without secrets. A URL, even a malformed one, may hold a password, so only
 * its scheme is shown.
 */
function shown(name: string, value: string): string {
  if (value === '') return '""'
  const isUrl = /_(?:URL|ENDPOINT|TO)$/.test(name) || /[@?]|:\/\//.test(value)
  const scheme = /^(?:sqlite|memory|postgres(?:ql)?|https?):/i.exec(value)?.[0] ?? ''
  return JSON.stringify(isUrl ? `${scheme}…` : value).replace(/\p{Cc}/gu, '?')
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether an address to listen on is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const family = isIP(host)
  return family === 0 ? host.toLowerCase() === 'localhost' : loopback.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
