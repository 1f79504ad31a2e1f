import { STATUS_CODES } from 'node:http'
import { catalogue, type ErrorCode } from '../../../src/errors/catalogue.ts'
import type { Answer } from './wire.ts'

/** Internals that no answer may contain: stack frames, SQL, paths. */
const INSIDE =
  /\bat \S+ \(|node:internal|node_modules|\.ts\b|\bSELECT\b|\bINSERT\b|SQLITE|\/(?:home|work|tmp|usr|root)\//

/** @returns how an answer breaks the contract of every answer; null when it does not */
export function faultIn(answer: Answer): string | null {
  const { status, headers, body } = answer
  if (status === 100 || status === 204) return body === '' ? null : `${status} with a body`
  if (status >= 500 && status !== 503) return `${status} ${body.slice(0, 300)}`
  if (status === 503 && !headers.has('retry-after')) return '503 without Retry-After'
  if (INSIDE.test(body)) return `reveals internals: ${body.slice(0, 300)}`
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

/** An answer, parsed and checked by `faultIn`. */
export interface Asked {
  status: number
  body: { code?: string; details?: { path: string }[]; [field: string]: unknown }
  text: string
  fault: string | null
}

/** Sends a GET, or a POST if there is a body, and checks the answer. */
export async function ask(url: string, path: string, body?: unknown, key?: string): Promise<Asked> {
  const headers = { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) }
  const request = { method: 'POST', headers, body: JSON.stringify(body) }
  const answer = await fetch(`${url}${path}`, body === undefined ? {} : request)
  const text = await answer.text()
  const fault = faultIn({ status: answer.status, headers: new Map(answer.headers), body: text })
  return { status: answer.status, body: text === '' ? {} : JSON.parse(text), text, fault }
}
