import type { IncomingHttpHeaders } from 'node:http'
import { readAuthority } from './hosts.ts'

/** A header in which browsers state the site a request comes from. */
export type SiteHeader = 'Sec-Fetch-Site' | 'Origin'

const OWN_PAGES = ['same-origin', 'none']
const DEFAULT_PORT: Record<string, number> = { http: 80, https: 443 }

/**
 * Finds the header that shows that a request comes from another site. Browsers that do not send `Sec-Fetch-Site`, or not to
 * this address, send `Origin` with every request that may change something.
 * @param ownHosts the hosts under which browsers reach the service through a proxy
 * @returns null for requests of our own pages, and of callers other than browsers
 */
export function crossSiteHeader(headers: IncomingHttpHeaders, ownHosts: readonly string[]): SiteHeader | null {
  const site = headers['sec-fetch-site']
  if (site !== undefined && !OWN_PAGES.includes(site as string)) return 'Sec-Fetch-Site'
  const { origin } = headers
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
  const portOf = ({ port }: { port: number | null }): number | undefined => port ?? DEFAULT_PORT[scheme]
  return service?.host === page.host && portOf(service) === portOf(page)
}
