import { catalogue, type ErrorCode } from '../errors/catalogue.ts'

/** Headers of requests that every route reads, as components of the document. */
export const parameters = {
  'X-Request-Id': {
    in: 'header',
    name: 'X-Request-Id',
    required: false,
    description:
      'Your own id for the request, to be found in the log: up to 128 letters, digits and `_ . : -`. Another, or none, and the service gives one',
    schema: { type: 'string' },
    example: 'order-4711.try-1',
  },
}

/** Headers of answers, as components of the document. */
export const headers = {
  'X-Request-Id': header('The id under which the request is logged', { type: 'string' }),
  'Cache-Control': header('Whether the answer may be kept', { type: 'string' }),
  Location: header('Where the formula is found; only with a single formula that was added', {
    type: 'string',
    format: 'uri-reference',
  }),
  'Idempotent-Replayed': header('Only with an answer that was given before', { type: 'string', const: 'true' }),
  'Retry-After': header('Seconds after which the request may be sent again', { type: 'integer', minimum: 0 }),
  'Accept-Encoding': header('Only where a compressed body was refused', { type: 'string', const: 'identity' }),
  Allow: header('The methods that the path has', { type: 'string' }),
  'WWW-Authenticate': header('How to show a key', { type: 'string', const: 'Bearer' }),
  'X-RateLimit-Limit': header('Requests the caller may send in a minute; only where a limit is set', count()),
  'X-RateLimit-Remaining': header('How many of them are left; only where a limit is set', count()),
  'X-RateLimit-Reset': header('Seconds until they start over; only where a limit is set', count()),
}

export type HeaderName = keyof typeof headers

const LIMIT: HeaderName[] = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset']

/** Answered before requests are counted. */
const NOT_COUNTED: readonly ErrorCode[] = [
  'UNAUTHORIZED',
  'CROSS_SITE',
  'HOST_NOT_ALLOWED',
  'URI_TOO_LONG',
  'SERVICE_STOPPING',
]

/** Answered on a connection, before there is a request: they carry none of these headers. */
export const ON_CONNECTION: readonly ErrorCode[] = ['REQUEST_TIMEOUT', 'EXPECTATION_FAILED', 'HEADERS_TOO_LARGE']

/** The headers of a successful answer: those that a route names, and those of all. */
export function answerHeaders(own: readonly string[], isCounted: boolean): HeaderName[] {
  return ['X-Request-Id', 'Cache-Control', ...(own as HeaderName[]), ...(isCounted ? LIMIT : [])]
}

/** The headers that errors of one status may carry. */
export function errorHeaders(codes: readonly ErrorCode[], isCounted: boolean): HeaderName[] {
  if (codes.every((code) => ON_CONNECTION.includes(code))) return []
  const has = (code: ErrorCode): boolean => codes.includes(code)
  const names: [HeaderName, boolean][] = [
    ['X-Request-Id', true],
    ['Cache-Control', true],
    ['Retry-After', codes.some(isWorthRetrying)],
    ['Idempotent-Replayed', has('FORMULA_EXISTS')],
    ['Accept-Encoding', has('UNSUPPORTED_MEDIA_TYPE')],
    ['Allow', has('METHOD_NOT_ALLOWED')],
    ['WWW-Authenticate', has('UNAUTHORIZED')],
  ]
  const limit = isCounted && !codes.every((code) => NOT_COUNTED.includes(code)) ? LIMIT : []
  return [...names.filter(([, applies]) => applies).map(([name]) => name), ...limit]
}

/** References to them. */
export function headerRefs(names: readonly HeaderName[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

const isWorthRetrying = (code: ErrorCode): boolean =>
  catalogue[code].status === 503 || code === 'RATE_LIMITED' || code === 'IDEMPOTENCY_KEY_IN_USE'

function header(description: string, schema: object): { description: string; schema: object } {
  return { description, schema }
}

function count(): object {
  return { type: 'integer', minimum: 0 }
}
