import { STATUS_CODES } from 'node:http'
import { catalogue, type ErrorCode } from './catalogue.ts'

/** Maximum number of entries in `details`. */
export const MAX_DETAILS = 100

/** One problem, and its place in the request. */
export interface ErrorDetail {
  /** A JSON pointer into the body, `?limit` for a query parameter, or the name of a header. */
  path: string
  code: string
  message: string
  /** The id of the stored formula that the problem is about. */
  id?: string
}

/** The body of every error answer. */
export interface ErrorBody {
  error: string
  message: string
  status: number
  code: ErrorCode
  details: ErrorDetail[]
}

/** An error that the caller sees: an entry of the catalogue with details. */
export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly details: ErrorDetail[]
  /** When the request may be sent again, in seconds. */
  readonly retryAfter: number | undefined

  constructor(code: ErrorCode, options: { details?: ErrorDetail[]; message?: string; retryAfter?: number } = {}) {
    super(options.message ?? catalogue[code].message)
    this.name = 'ServiceError'
    this.code = code
    this.status = catalogue[code].status
    this.details = options.details ?? []
    this.retryAfter = options.retryAfter ?? (this.status === 503 ? 1 : undefined)
  }
}

export function errorBody(code: ErrorCode, details: ErrorDetail[] = [], message?: string): ErrorBody {
  const { status, message: text } = catalogue[code]
  const error = STATUS_CODES[status] as string
  return { error, message: message ?? text, status, code, details: details.slice(0, MAX_DETAILS) }
}

/** An entry of `details` with the catalogue's text. */
export function detail(path: string, code: ErrorCode): ErrorDetail {
  return { path, code, message: catalogue[code].message }
}

/** An error about one place in the request. @param path see `ErrorDetail` @param retryAfter in seconds */
export const errorAt = (path: string, code: ErrorCode, retryAfter?: number): ServiceError =>
  new ServiceError(code, { details: [detail(path, code)], ...(retryAfter !== undefined && { retryAfter }) })

/** The entry of `details` for a body that is not JSON or not a submission. */
export function invalidJson(reason: string): ErrorDetail {
  return { path: '', code: 'INVALID_JSON', message: `${catalogue.INVALID_JSON.message}: ${reason}` }
}
