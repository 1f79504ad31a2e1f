import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'

/** Methods that pages of other sites may not use, and whose administrative calls are audited. */
export const CHANGING_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE']

/** A host and its port, as in a `Host` header or an origin. */
interface Authority {
  /** In lower case; an IPv6 address in brackets and in its shortest form. */
  host: string
  /** Null if none is given. */
  port: number | null
}

const AUTHORITY = /^(\[[\da-f:.]+\]|[\w-]+(?:\.[\w-]+)*)(?::(\d{0,5}))?$/i

/** @returns null for anything but a host name or an IP address, with or without a port */
function readAuthority(text: string): Authority | null {
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

/** A header in which browsers state the site a request comes from. */
type SiteHeader = 'Sec-Fetch-Site' | 'Origin'

const OWN_PAGES = ['same-origin', 'none']
const PORT_OF_SCHEME: Record<string, number> = { http: 80, https: 443 }

/**
 * Finds the header that shows that a request comes from another site. Browsers that do not send `Sec-Fetch-Site`, or not to
 * this address, send `Origin` with every request that may change something.
 * @param ownHosts the hosts under which browsers reach the service through a proxy
 * @param origins of other sites that may
 * @returns null for requests of our own pages, and of callers other than browsers
 */
export function crossSiteHeader(
  headers: IncomingHttpHeaders,
  ownHosts: readonly string[],
  origins: readonly string[],
): SiteHeader | null {
  const { origin, 'sec-fetch-site': site } = headers
  if (origin !== undefined && origins.includes(origin)) return null
  if (site !== undefined && !OWN_PAGES.includes(site as string)) return 'Sec-Fetch-Site'
  return origin === undefined || isOwn(origin, headers.host ?? '', ownHosts) ? null : 'Origin'
}

/** The origin `null`, of sandboxed pages and local files, is not ours. */
function isOwn(origin: string, hostHeader: string, ownHosts: readonly string[]): boolean {
  const [, scheme = '', authority = ''] = /^(https?):\/\/(.*)$/.exec(origin) ?? []
  const page = readAuthority(authority)
  if (page === null) return false
  if (ownHosts.includes(page.host)) return true
  const service = readAuthority(hostHeader)
  // Both omit the default port. The service may be behind TLS without knowing it, so assume the scheme of the page.
  const portOf = ({ port }: { port: number | null }): number | undefined => port ?? PORT_OF_SCHEME[scheme]
  return service?.host === page.host && portOf(service) === portOf(page)
}
