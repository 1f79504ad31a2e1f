import { STATUS_CODES } from 'node:http'
import { catalogue, type ErrorCode } from '../errors/catalogue.ts'
import { toProblem } from '../errors/problem.ts'
import { detail, type ErrorBody, type ErrorDetail, errorBody, MAX_DETAILS } from '../errors/service-error.ts'
import { storedFormula } from './examples.ts'
import { errorHeaders, headerRefs, ON_CONNECTION } from './headers.ts'
import type { RouteFacts } from './operation.ts'

/** Errors that occur outside of any operation. */
const BESIDE_OPERATIONS: readonly ErrorCode[] = [
  'BAD_REQUEST',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  ...ON_CONNECTION,
]

type Reference = { $ref: string }
type Response = { description: string; headers: Record<string, Reference>; content: object } | Reference

/** The components that error responses of operations refer to. */
export function errorComponents(): {
  examples: Record<string, ErrorExample>
  responses: Record<string, Response>
} {
  const shared = (Object.keys(catalogue) as ErrorCode[]).filter(
    (code) => BESIDE_OPERATIONS.includes(code) || isAlone(code),
  )
  const responses = shared.map((code) => [code, response([code], true)])
  return { examples: errorExamples(), responses: Object.fromEntries(responses) }
}

/** The error responses of an operation, by status. Those that are the same for all routes are references. */
export function errorResponses(codes: readonly ErrorCode[], route: RouteFacts): Record<string, Response> {
  const byStatus = Map.groupBy(codes, (code) => catalogue[code].status)
  const isCounted = route.scopes !== null
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => {
      const [first] = group as [ErrorCode]
      const isShared = isCounted && group.length === 1 && isAlone(first)
      return [
        status,
        isShared ? { $ref: `#/components/responses/${first}` } : response(group, isCounted, route.bodyIsStrict),
      ]
    }),
  )
}

/** Whether a code is the only one of its status. */
function isAlone(code: ErrorCode): boolean {
  return Object.values(catalogue).filter(({ status }) => status === catalogue[code].status).length === 1
}

function response(codes: readonly ErrorCode[], isCounted: boolean, isInBody = false): Response {
  const [first] = codes as [ErrorCode]
  const example = (code: ErrorCode): string =>
    code === 'VALIDATION_FAILED' && !isInBody ? 'VALIDATION_FAILED_IN_QUERY' : code
  const examples = codes.map((code) => [code, { $ref: `#/components/examples/${example(code)}` }])
  return {
    description: STATUS_CODES[catalogue[first].status] as string,
    headers: headerRefs(errorHeaders(codes, isCounted)),
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/ErrorAnswer' },
        examples: Object.fromEntries(examples),
      },
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: { [first]: { value: toProblem(errorBody(first)) } },
      },
    },
  }
}

/** The schema of a `Problem` of src/errors/problem.ts. */
export const problemSchema = {
  type: 'object',
  description: 'Every error has this shape (RFC 9457) if `Accept` prefers `application/problem+json`',
  properties: {
    type: { type: 'string', format: 'uri-reference', examples: ['/docs/errors.md#FORMULA_EXISTS'] },
    title: { type: 'string', description: 'The text of the code' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'The `message` of an `ErrorAnswer`' },
    code: { $ref: '#/components/schemas/ErrorCode' },
    details: { type: 'array', maxItems: MAX_DETAILS, items: { $ref: '#/components/schemas/ErrorDetail' } },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'details'],
}

/** The `path` in the example of each error. Errors without a path have no details. */
const PATHS: Partial<Record<ErrorCode, string>> = {
  BAD_REQUEST: 'Host',
  INVALID_JSON: '',
  IDEMPOTENCY_KEY_MISSING: 'Idempotency-Key',
  IDEMPOTENCY_KEY_INVALID: 'Idempotency-Key',
  IDEMPOTENCY_KEY_IN_USE: 'Idempotency-Key',
  IDEMPOTENCY_KEY_REUSED: 'Idempotency-Key',
  FORMULA_NAME_MISSING: '/name',
  FORMULA_MATERIALS_MISSING: '/materials',
  FORMULA_NAME_NOT_STRING: '/name',
  FORMULA_MATERIALS_NOT_LIST: '/materials',
  FORMULA_NAME_INVALID: '/1/name',
  FORMULA_MATERIALS_COUNT: '/materials',
  FORMULA_FIELD_UNKNOWN: '/colour',
  FORMULA_NOT_OBJECT: '/1',
  FORMULA_LIST_TOO_LONG: '',
  MATERIAL_NOT_OBJECT: '/materials/0',
  MATERIAL_NAME_MISSING: '/materials/0/name',
  MATERIAL_CONCENTRATION_MISSING: '/materials/0/concentration',
  MATERIAL_NAME_NOT_STRING: '/materials/0/name',
  MATERIAL_NAME_INVALID: '/materials/0/name',
  MATERIAL_CONCENTRATION_NOT_DECIMAL: '/materials/0/concentration',
  MATERIAL_FIELD_UNKNOWN: '/materials/0/unit',
  MATERIAL_DUPLICATE: '/materials/1',
  METADATA_INVALID: '/metadata/client',
  CHANGES_INVALID: '/changes/0',
  MATERIAL_NOT_IN_FORMULA: '/changes/0',
  CONCENTRATION_NOT_POSITIVE: '/changes/0',
  CONCENTRATION_TOO_LONG: '/scale',
  CURSOR_INVALID: '?cursor',
  UNAUTHORIZED: 'Authorization',
  CROSS_SITE: 'Sec-Fetch-Site',
  HOST_NOT_ALLOWED: 'Host',
  UNSUPPORTED_MEDIA_TYPE: 'Content-Type',
}

/** An unknown parameter or field. */
const UNKNOWN = { code: 'VALIDATION_FAILED', message: 'Unexpected property' }

/** Details whose message is not the catalogue's text. */
const DETAILS: Partial<Record<string, ErrorDetail>> = {
  VALIDATION_FAILED: { path: '/colour', ...UNKNOWN },
  VALIDATION_FAILED_IN_QUERY: { path: '?colour', ...UNKNOWN },
  FORBIDDEN: { path: 'Authorization', code: 'FORBIDDEN', message: 'The API key needs the scope admin' },
}

interface ErrorExample {
  summary: string
  value: ErrorBody
}

/** Examples by error code. `VALIDATION_FAILED` has a second one, for queries. */
function errorExamples(): Record<string, ErrorExample> {
  const examples: Record<string, ErrorExample> = {}
  const add = (name: string, code: ErrorCode, details: ErrorDetail[]): void => {
    examples[name] = { summary: catalogue[code].message, value: errorBody(code, details) }
  }
  for (const code of Object.keys(catalogue) as ErrorCode[]) {
    const path = PATHS[code]
    const special = DETAILS[code]
    add(code, code, special ? [special] : path === undefined ? [] : [detail(path, code)])
  }
  add('VALIDATION_FAILED_IN_QUERY', 'VALIDATION_FAILED', [DETAILS.VALIDATION_FAILED_IN_QUERY as ErrorDetail])
  add('FORMULA_EXISTS', 'FORMULA_EXISTS', [{ ...detail('', 'FORMULA_EXISTS'), id: storedFormula.id }])
  return examples
}
