import type { ErrorCode } from './catalogue.ts'
import { detail, errorBody, ServiceError } from './service-error.ts'
import { StoreUnavailable } from './store-errors.ts'

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  400: 'BAD_REQUEST',
  408: 'REQUEST_TIMEOUT',
  413: 'PAYLOAD_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
}

/**
 * The error a caller is told of, whatever was thrown; what nobody planned is an INTERNAL_ERROR. What a library lays to
 * the request in a way of its own (a range beyond the end of a file) is a BAD_REQUEST.
 */
export function toServiceError(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown
  if (thrown instanceof StoreUnavailable) return new ServiceError('STORE_UNAVAILABLE')
  const { statusCode = 500 } = (thrown ?? {}) as { statusCode?: number }
  const isOfRequest = statusCode >= 400 && statusCode < 500
  const code = CODE_OF_STATUS[statusCode] ?? (isOfRequest ? 'BAD_REQUEST' : 'INTERNAL_ERROR')
  return new ServiceError(code, code === 'UNSUPPORTED_MEDIA_TYPE' ? { details: [detail('Content-Type', code)] } : {})
}

/** The code for what Node's HTTP parser could not read. */
export function codeOfParserError(code: string | undefined): ErrorCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT'
  return code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'BAD_REQUEST'
}

/** A whole HTTP/1.1 answer, for a connection on which there is no request to reply to. */
export function rawErrorAnswer(code: ErrorCode): string {
  const body = errorBody(code)
  const text = JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${body.status} ${body.error}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${text}`
}
