import type { IncomingHttpHeaders } from 'node:http'
import { readAuthority } from './hosts.ts'

/** The header by which a browser tells that it sends a request for a page of another site. */
export type Mark = 'Sec-Fetch-Site' | 'Origin'

const OWN_PAGES = ['same-origin', 'none']
const DEFAULT_PORT: Record<string, number> = { http: 80, https: 443 }

/**
 * Finds the mark of another site; null where there is none, as with all callers that are no browsers. Browsers that do
 * not send `Sec-Fetch-Site`, or not to this address, send `Origin` with all that may change something.
 * @param ownHosts hosts under which a proxy shows the service to browsers
 */
export function crossSiteMark(headers: IncomingHttpHeaders, ownHosts: readonly string[]): Mark | null {
  const site = headers['sec-fetch-site']
  if (site !== undefined && !OWN_PAGES.includes(site as string)) return 'Sec-Fetch-Site'
  const { origin } = headers
  return origin === undefined || isOwn(origin, headers.host ?? '', ownHosts) ? null : 'Origin'
}

/** `null`, which sandboxed pages and files have, is the origin of others. */
function isOwn(origin: string, hostHeader: string, ownHosts: readonly string[]): boolean {
  const [, scheme = '', authority = ''] = /^(https?):\/\/(.*)$/.exec(origin) ?? []
  const page = readAuthority(authority)
  if (page === null) return false
  if (ownHosts.includes(page.host)) return true
  const service = readAuthority(hostHeader)
  // Neither names the port that its scheme has anyway; the scheme of the service is only known to whoever ends TLS.
  const portOf = ({ port }: { port: number | null }): number | undefined => port ?? DEFAULT_PORT[scheme]
  return service?.host === page.host && portOf(service) === portOf(page)
}
