import { allows, SCOPES, type Scope } from '../access/scopes.ts'
import { catalogue, type ErrorCode } from '../errors/catalogue.ts'

/** What a route declares, and all that its operation in the document is derived from beside its schemas. */
export interface RouteFacts {
  method: string
  url: string
  /** One of these is needed; null where the route asks for no key. */
  scopes: readonly Scope[] | null
  whileClosing: boolean
  /** Whether it answers whatever host a request names. */
  anyHost: boolean
  /** Codes the route itself may answer with. */
  errors: readonly ErrorCode[]
  /** What its successful answers carry beside what all do. */
  responseHeaders: readonly string[]
  /** Whether fields that its body does not name are refused by its schema. */
  bodyIsStrict: boolean
  bodyOptional: boolean
  bodyExamples: Examples
  answerExamples: Examples
}

/** Examples by what is said of them. */
export type Examples = Readonly<Record<string, unknown>>

/** Whoever sends a body to a route is told what is wrong with it, also where the route has no use for one. */
const WITH_BODY = ['POST', 'PUT', 'PATCH', 'DELETE']

/** What no page of another site may have a browser send. */
const CHANGING = ['POST', 'PUT', 'DELETE']

/** Every code that a route may answer with: its own, and what every request goes through. In the catalogue's order. */
export function errorsOf({ method, url, scopes, whileClosing, anyHost, errors }: RouteFacts): ErrorCode[] {
  const codes = new Set<ErrorCode>([
    ...errors,
    'VALIDATION_FAILED',
    'BAD_REQUEST',
    'INTERNAL_ERROR',
    'SERVICE_OVERLOADED',
  ])
  const add = (applies: boolean, ...more: ErrorCode[]): void => {
    if (applies) for (const code of more) codes.add(code)
  }
  add(scopes !== null, 'UNAUTHORIZED', 'FORBIDDEN', 'RATE_LIMITED')
  add(!anyHost, 'HOST_NOT_ALLOWED')
  add(CHANGING.includes(method), 'CROSS_SITE')
  add(url.includes(':'), 'URI_TOO_LONG')
  add(WITH_BODY.includes(method), 'INVALID_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE')
  add(!whileClosing, 'SERVICE_STOPPING')
  return (Object.keys(catalogue) as ErrorCode[]).filter((code) => codes.has(code))
}

/** The security of an operation. Its scopes are alternatives, and `admin` is always one of them. */
export function securityOf({ scopes }: RouteFacts): { apiKey: Scope[] }[] {
  if (scopes === null) return []
  return SCOPES.filter((scope) => allows([scope], scopes)).map((scope) => ({ apiKey: [scope] }))
}
