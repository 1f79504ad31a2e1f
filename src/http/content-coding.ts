import type { IncomingHttpHeaders } from 'node:http'

/** How a body is compressed; `x-gzip` is the old name of `gzip` (RFC 9110). */
export function codingOf({ headers }: { headers: IncomingHttpHeaders }): 'none' | 'gzip' | 'unknown' {
  const coding = headers['content-encoding']
  if (coding === undefined || /^(?:identity)?$/i.test(coding)) return 'none'
  return /^(?:x-)?gzip$/i.test(coding) ? 'gzip' : 'unknown'
}
