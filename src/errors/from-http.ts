import type { ErrorCode } from './catalogue.ts'
import { detail, errorBody, ServiceError } from './service-error.ts'
import { StoreUnavailable, UnknownSubscription } from './store-errors.ts'

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  400: 'BAD_REQUEST',
  408: 'REQUEST_TIMEOUT',
  413: 'PAYLOAD_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
}

/**
 * Converts anything thrown to the error that the caller sees. A 4xx of a library without a code of ours, such as a range
 * beyond the end of a file, is a BAD_REQUEST; anything unexpected is an INTERNAL_ERROR.
 */
export function toServiceError(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown
  if (thrown instanceof StoreUnavailable) return new ServiceError('STORE_UNAVAILABLE')
  if (thrown instanceof UnknownSubscription) return new ServiceError('SUBSCRIPTION_NOT_FOUND')
  const { statusCode = 500 } = (thrown ?? {}) as { statusCode?: number }
  const isClientError = statusCode >= 400 && statusCode < 500
  const code = CODE_OF_STATUS[statusCode] ?? (isClientError ? 'BAD_REQUEST' : 'INTERNAL_ERROR')
  return new ServiceError(code, code === 'UNSUPPORTED_MEDIA_TYPE' ? { details: [detail('Content-Type', code)] } : {})
}

/** The code of an error of Node's HTTP parser. */
export function codeOfParserError(code: string | undefined): ErrorCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT'
  return code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'BAD_REQUEST'
}

/** A complete HTTP/1.1 response, for connections without a parsed request. */
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
