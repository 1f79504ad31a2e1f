import { isIP } from 'node:net'

/** A host and its port, as in a `Host` header or an origin. */
export interface Authority {
  /** In lower case; an IPv6 address in brackets and in its shortest form. */
  host: string
  /** Null if none is given. */
  port: number | null
}

const AUTHORITY = /^(\[[\da-f:.]+\]|[\w-]+(?:\.[\w-]+)*)(?::(\d{0,5}))?$/i

/** @returns null for anything but a host name or an IP address, with or without a port */
export function readAuthority(text: string): Authority | null {
  const [, name = '', digits = ''] = AUTHORITY.exec(text) ?? []
  const host = name.startsWith('[') ? URL.parse(`http://${name}`)?.hostname : name.toLowerCase()
  return host ? { host, port: digits === '' ? null : Number(digits) } : null
}

/** Reads a host name or an IP address without a port, and writes it as in an `Authority`; null for anything else. */
export function readHost(text: string): string | null {
  const name = isIP(text) === 6 ? `[${text}]` : text
  // The extra port makes a text that has one already invalid.
  return readAuthority(`${name}:0`)?.host ?? null
}

/** The hosts that the service answers to. */
export class AllowedHosts {
  readonly #names: ReadonlySet<string>
  /** Cache of the last allowed header: most callers always send the same one. */
  #lastAllowed: string | undefined

  constructor(names: Iterable<string>) {
    this.#names = new Set(names)
  }

  /** @param header a host with any port, or with none */
  allows(header: string): boolean {
    if (header === this.#lastAllowed) return true
    const authority = readAuthority(header)
    if (authority === null || !this.#names.has(authority.host)) return false
    this.#lastAllowed = header
    return true
  }
}
