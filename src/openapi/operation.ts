import { allows, SCOPES, type Scope } from '../access/api-key.ts'
import { CHANGING_METHODS } from '../access/hosts.ts'
import { catalogue, type ErrorCode } from '../errors/catalogue.ts'

/** What a route declares besides its schemas; the operation in the document is derived from it. */
export interface RouteFacts {
  method: string
  url: string
  /** A key needs one of these; null when the route is public. */
  scopes: readonly Scope[] | null
  /** A scope that a key needs as well. */
  alsoScope: Scope | undefined
  whileClosing: boolean
  /** Whether it accepts any host. */
  anyHost: boolean
  /** Error codes of the route itself. */
  errors: readonly ErrorCode[]
  /** Headers of its successful answers, besides those of all routes. */
  responseHeaders: readonly string[]
  /** Whether its schema refuses unknown fields in the body. */
  bodyIsStrict: boolean
  bodyOptional: boolean
  bodyExamples: Examples
  answerExamples: Examples
}

/** Examples by their titles. */
export type Examples = Readonly<Record<string, unknown>>

/** A body is checked with these methods, even on routes that do not use it. */
const WITH_BODY = ['POST', 'PUT', 'PATCH', 'DELETE']

/** All codes that a route may answer with, its own and those of any request, in the catalogue's order. */
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
  add(CHANGING_METHODS.includes(method), 'CROSS_SITE')
  add(url.includes(':'), 'URI_TOO_LONG')
  add(WITH_BODY.includes(method), 'INVALID_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE')
  add(!whileClosing, 'SERVICE_STOPPING')
  return (Object.keys(catalogue) as ErrorCode[]).filter((code) => codes.has(code))
}

/** The security of an operation: alternatives, each with the scopes that it needs together. `admin` is always one. */
export function securityOf({ scopes, alsoScope }: RouteFacts): { apiKey: Scope[] }[] {
  if (scopes === null) return []
  const also = (scope: Scope): Scope[] => (scope === 'admin' || alsoScope === undefined ? [] : [alsoScope])
  return SCOPES.filter((scope) => allows([scope], scopes)).map((scope) => ({ apiKey: [scope, ...also(scope)] }))
}
