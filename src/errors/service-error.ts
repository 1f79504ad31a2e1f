import { STATUS_CODES } from 'node:http'
import { catalogue, type ErrorCode } from './catalogue.ts'

/** Most entries that `details` carries. */
export const MAX_DETAILS = 100

/** One problem, and where in the request it lies. */
export interface ErrorDetail {
  /** A JSON pointer into the body, `?limit` for a query parameter, or the name of a header. */
  path: string
  code: string
  message: string
  /** The stored formula that an entry is about. */
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

/** An error that the caller is meant to see: one entry of the catalogue, with what it is about. */
export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly details: ErrorDetail[]
  /** Seconds after which the request may be sent again. */
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

/** The answer body of an error, in the one shape that all of them have. */
export function errorBody(code: ErrorCode, details: ErrorDetail[] = [], message?: string): ErrorBody {
  const { status, message: text } = catalogue[code]
  const error = STATUS_CODES[status] as string
  return { error, message: message ?? text, status, code, details: details.slice(0, MAX_DETAILS) }
}

/** A detail entry with the catalogue's text. */
export function detail(path: string, code: ErrorCode): ErrorDetail {
  return { path, code, message: catalogue[code].message }
}

/** The detail entry for a body that is not the JSON it should be. */
export function invalidJson(why: string): ErrorDetail {
  return { path: '', code: 'INVALID_JSON', message: `${catalogue.INVALID_JSON.message}: ${why}` }
}
