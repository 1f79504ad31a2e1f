import Negotiator from 'negotiator'
import { catalogue, type ErrorCode } from './catalogue.ts'
import type { ErrorBody, ErrorDetail } from './service-error.ts'

const JSON_TYPE = 'application/json'
const PROBLEM_TYPE = 'application/problem+json'

/** An error as RFC 9457 has it. */
export interface Problem {
  /** Where the repository describes all codes. */
  type: string
  /** The text of the code. */
  title: string
  status: number
  detail: string
  code: ErrorCode
  details: ErrorDetail[]
}

/** Writes an error in the form that the request asks for. @param accept its `Accept` header */
export function writeError(body: ErrorBody, accept = ''): { type: string; text: string } {
  if (prefersProblem(accept)) return { type: PROBLEM_TYPE, text: JSON.stringify(toProblem(body)) }
  return { type: `${JSON_TYPE}; charset=utf-8`, text: JSON.stringify(body) }
}

export function toProblem({ code, message, status, details }: ErrorBody): Problem {
  return { type: `/docs/errors.md#${code}`, title: catalogue[code].message, status, detail: message, code, details }
}

/** Negotiates only where the type is named: ranges of types mean JSON. */
function prefersProblem(accept: string): boolean {
  if (!/\/problem\+json/i.test(accept)) return false
  return new Negotiator({ headers: { accept } }).mediaType([JSON_TYPE, PROBLEM_TYPE]) === PROBLEM_TYPE
}
