import { catalogue, type ErrorCode } from '../errors/catalogue.ts'

/** Request headers of all routes, as components of the document. */
export const parameters = {
  'X-Request-Id': {
    in: 'header',
    name: 'X-Request-Id',
    required: false,
    description:
      'An id for the request, used in the log: up to 128 letters, digits and `_ . : -`. Otherwise the service makes one',
    schema: { type: 'string' },
    example: 'order-4711.try-1',
  },
}

const COUNT = { type: 'integer', minimum: 0 }

/** Response headers, as components of the document. */
export const headers = {
  'X-Request-Id': header('The id under which the request is logged', { type: 'string' }),
  'Cache-Control': header('Whether the answer may be cached', { type: 'string' }),
  Location: header('Path of the formula; only if a single formula was added', {
    type: 'string',
    format: 'uri-reference',
  }),
  'Idempotent-Replayed': header('Only with a replayed answer', { type: 'string', const: 'true' }),
  'Preference-Applied': header('Only with an answer that shows ids alone', { type: 'string', const: 'return=minimal' }),
  Link: header('The next page; only if there is one', { type: 'string' }),
  ETag: header('Names the stored formula, for `If-None-Match`', { type: 'string' }),
  'Retry-After': header('Seconds after which the request may be sent again', COUNT),
  'Accept-Encoding': header('Only if the coding of a body was refused', { type: 'string', const: 'gzip' }),
  Allow: header('The methods of the path', { type: 'string' }),
  'WWW-Authenticate': header('The authentication scheme', { type: 'string', const: 'Bearer' }),
  'RateLimit-Policy': header('How many requests (`q`) a caller may send in `w` seconds; only if a limit is set', {
    type: 'string',
    examples: ['"default";q=600;w=60'],
  }),
  RateLimit: header('How many of them are left (`r`), and for how many seconds (`t`); only if a limit is set', {
    type: 'string',
    examples: ['"default";r=50;t=30'],
  }),
}

type HeaderName = keyof typeof headers

const LIMIT: HeaderName[] = ['RateLimit-Policy', 'RateLimit']

/** Errors that occur before requests count against the rate limit. */
const NOT_COUNTED: readonly ErrorCode[] = [
  'UNAUTHORIZED',
  'CROSS_SITE',
  'HOST_NOT_ALLOWED',
  'URI_TOO_LONG',
  'SERVICE_STOPPING',
]

/** Errors of connections without a parsed request: they have none of these headers. */
export const ON_CONNECTION: readonly ErrorCode[] = ['REQUEST_TIMEOUT', 'EXPECTATION_FAILED', 'HEADERS_TOO_LARGE']

/** The headers of a successful answer: those of its route and those of all routes. */
export function answerHeaders(routeHeaders: readonly string[], isCounted: boolean): HeaderName[] {
  return ['X-Request-Id', 'Cache-Control', ...(routeHeaders as HeaderName[]), ...(isCounted ? LIMIT : [])]
}

/** The headers of the errors of one status. */
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

export function headerRefs(names: readonly HeaderName[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

const isWorthRetrying = (code: ErrorCode): boolean =>
  catalogue[code].status === 503 || code === 'RATE_LIMITED' || code === 'IDEMPOTENCY_KEY_IN_USE'

function header(description: string, schema: object): { description: string; schema: object } {
  return { description, schema }
}
