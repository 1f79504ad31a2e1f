import { isIP, isIPv6 } from 'node:net'
import { readHost } from '../access/hosts.ts'
import { readSinkUrl, type SinkAddress } from '../outbox/sink-url.ts'
import { parseLocation, STORE_URLS, type StoreLocation } from '../stores/location.ts'

/**
 * One environment variable. A test compares the table in docs/configuration.md with these.
 * @typeParam T with null if it has no default
 */
export interface Variable<T> {
  /** The value of an unset variable; null if it has none. */
  readonly default: string | null
  /** The allowed values, as messages describe them. */
  readonly expected: string
  readonly description: string
  /** Whether an empty value is refused rather than ignored: for variables that protect the service, or locate its data. */
  readonly refusesEmpty?: boolean
  /** @throws {Error} with what is expected instead */
  read(value: string): T
}

function variable<T>(
  fallback: string | null,
  expected: string,
  description: string,
  parse: (value: string) => T | undefined,
): Variable<T> {
  const read = (value: string): T => {
    const parsed = parse(value)
    if (parsed === undefined) throw new Error(`must be ${expected}`)
    return parsed
  }
  return { default: fallback, expected, description, read }
}

/** An address to listen on; removes brackets around an IPv6 address. */
export function address(fallback: string, description: string): Variable<string> {
  return variable(fallback, 'a host name or an IP address', description, (value) => {
    const bare = /^\[(.*)\]$/.exec(value)?.[1]
    if (bare !== undefined) return isIPv6(bare) ? bare : undefined
    return /^[^\s/]+$/.test(value) ? value : undefined
  })
}

export function file(description: string): Variable<string | null> {
  return { ...variable(null, 'a path', description, (value) => value || undefined), refusesEmpty: true }
}

/** As `file`; an empty value counts as unset. */
export const optionalFile = (description: string): Variable<string | null> => ({
  ...file(description),
  refusesEmpty: false,
})

/** @param max Infinity for no limit */
export function integer(fallback: number, min: number, max: number, description: string): Variable<number> {
  const range = max === Infinity ? `of ${min} or more` : `from ${min} to ${max}`
  return variable(String(fallback), `an integer ${range}`, description, (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
    return Number.isSafeInteger(number) && number >= min && number <= max ? number : undefined
  })
}

/** One of some words, in any case. */
export function oneOf<T extends string>(fallback: T, choices: readonly T[], description: string): Variable<T> {
  return variable(fallback, `one of ${choices.join(', ')}`, description, (value) =>
    choices.find((choice) => choice === value.toLowerCase()),
  )
}

export function flag(fallback: boolean, description: string): Variable<boolean> {
  const choice = oneOf(`${fallback}`, ['true', 'false'], description)
  return { ...choice, read: (value) => choice.read(value) === 'true' }
}

export function store(fallback: string | null, description: string): Variable<StoreLocation> {
  return { default: fallback, expected: STORE_URLS, description, refusesEmpty: true, read: parseLocation }
}

export function webAddress(description: string): Variable<string | null> {
  return variable(null, 'an http:// or https:// URL', description, (value) =>
    /^https?:\/\/\S+$/.test(value) && URL.canParse(value) ? value : undefined,
  )
}

/** An absolute URI, or a part of one, as a CloudEvent names its source. */
export function uriReference(fallback: string, description: string): Variable<string> {
  return variable(fallback, 'a URI or the path of one', description, (value) =>
    /^(?:[\w\-.~:/?#@!$&'()*+,;=]|%[0-9a-f]{2})+$/i.test(value) && URL.canParse(value, 'http://host')
      ? value
      : undefined,
  )
}

/** The URLs of sinks, separated by blanks, each with a subscription of its own. */
export function sinks(description: string): Variable<SinkAddress[] | null> {
  return {
    default: null,
    expected: 'URLs of sqs+https, https, nats or tls, each with a #subscription',
    description,
    read(value) {
      const seen = new Set<string>()
      return value.split(/ +/).map((text, index) => {
        try {
          const address = readSinkUrl(text)
          if (seen.has(address.subscription)) throw new Error(`#${address.subscription} is used twice`)
          seen.add(address.subscription)
          return address
        } catch (error) {
          throw new Error(`URL ${index + 1} ${(error as Error).message}`)
        }
      })
    },
  }
}

/** Host names as a `Host` header may contain them, normalised by `readHost`. */
export function hosts(description: string): Variable<string[] | null> {
  return { ...list('host names or IP addresses, without ports', description, readHost), refusesEmpty: true }
}

/** Origins as browsers write them; `*` is every origin. */
export function origins(description: string): Variable<string[] | null> {
  return list('origins such as https://app.example', description, (entry) => {
    if (entry === '*') return entry
    return /^https?:\/\/[^/?#@\\]+$/i.test(entry) ? (URL.parse(entry)?.origin ?? null) : null
  })
}

export function networks(description: string): Variable<string[] | null> {
  return list('IP addresses or networks (10.0.0.0/8)', description, (entry) => {
    const [, ip = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    const longest = { 0: 0, 4: 32, 6: 128 }[isIP(ip)] as number
    const length = Number(bits ?? longest)
    return length >= 1 && length <= longest ? entry : null
  })
}

/** Entries separated by blanks or commas. */
function list(
  expected: string,
  description: string,
  read: (entry: string) => string | null,
): Variable<string[] | null> {
  return variable(null, expected, description, (value) => {
    const entries = value.split(/[ ,]+/).filter(Boolean).map(read)
    return entries.length === 0 || entries.includes(null) ? undefined : (entries as string[])
  })
}
