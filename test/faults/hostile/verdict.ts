import { STATUS_CODES } from 'node:http'
import { catalogue, type ErrorCode } from '../../../src/errors/catalogue.ts'
import type { Answer } from './wire.ts'

/** What gives away the inside of the service: frames of a stack, SQL, paths. */
const INSIDE =
  /\bat \S+ \(|node:internal|node_modules|\.ts\b|\bSELECT\b|\bINSERT\b|SQLITE|\/(?:home|work|tmp|usr|root)\//

/** What is wrong with an answer to whatever was sent; null when nothing is. */
export function faultIn(answer: Answer): string | null {
  const { status, headers, body } = answer
  if (status === 100 || status === 204) return body === '' ? null : `${status} with a body`
  if (status >= 500 && status !== 503) return `${status} ${body.slice(0, 300)}`
  if (status === 503 && !headers.has('retry-after')) return '503 without Retry-After'
  if (INSIDE.test(body)) return `gives away its inside: ${body.slice(0, 300)}`
  if (body === '') return null
  if (!/^application\/json/.test(headers.get('content-type') ?? '')) return `a body of ${headers.get('content-type')}`
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return `no JSON: ${body.slice(0, 300)}`
  }
  return status < 400 ? null : faultInError(status, parsed as Record<string, unknown>)
}

/** Whether a body is the one shape of all errors. */
function faultInError(status: number, body: Record<string, unknown>): string | null {
  const fields = Object.keys(body).join()
  if (fields !== 'error,message,status,code,details') return `fields ${fields}`
  const known = catalogue[body.code as ErrorCode]
  if (known?.status !== status || body.status !== status) return `${status} with code ${body.code}`
  if (body.error !== STATUS_CODES[status]) return `${status} is called ${body.error}`
  const details = body.details as { path: unknown; code: unknown; message: unknown }[]
  const whole = details.every(({ path, code, message }) =>
    [path, code, message].every((part) => typeof part === 'string'),
  )
  return whole && details.length <= 100 ? null : `details ${JSON.stringify(details).slice(0, 300)}`
}
