import { STATUS_CODES } from 'node:http'
import { catalogue, type ErrorCode } from '../errors/catalogue.ts'
import { type ErrorExample, errorExamples } from './error-examples.ts'
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
    },
  }
}
