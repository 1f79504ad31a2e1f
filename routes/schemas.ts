import { type TObject, type TProperties, Type } from '@sinclair/typebox'
import { catalogue, type ErrorCode } from '../src/errors/catalogue.ts'
import { MAX_DETAILS } from '../src/errors/service-error.ts'
import { FINGERPRINT } from '../src/formula/fingerprint.ts'
import { FORMULA_NAME_LENGTH } from '../src/formula/name.ts'
import { storedFormula } from '../src/openapi/examples.ts'
import { type CursorKind, writeCursor } from './cursor.ts'

/** An object of a request: fields it does not name are refused. */
export function strictObject<T extends TProperties>(
  properties: T,
  options: { $id?: string; description?: string } = {},
): TObject<T> {
  return Type.Object(properties, { ...options, additionalProperties: false })
}

export const timestamp = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-01-31T12:00:00.000Z'] })

export const formulaId = () =>
  Type.String({
    description: 'The fingerprint of its materials: SHA-256 in lower-case hex',
    pattern: FINGERPRINT.source,
    examples: [storedFormula.id],
  })

/** A name as it is stored. */
export const storedName = (description: string, example: string, most = FORMULA_NAME_LENGTH) =>
  Type.String({ minLength: 1, maxLength: most, description, examples: [example] })

export const idParams = (description: string, example: string = storedFormula.id) =>
  Type.Object({ id: Type.String({ description, examples: [example] }) })

export const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Most entries of the page', examples: [50] }),
)

export const cursor = (kind: CursorKind) =>
  Type.Optional(
    Type.String({
      description: 'Where the page begins: `nextCursor` of the page before',
      examples: [writeCursor(kind, 42)],
    }),
  )

export const nextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'Where the next page begins; null on the last',
})

const code = Type.Unsafe<ErrorCode>({
  $id: 'ErrorCode',
  type: 'string',
  enum: Object.keys(catalogue),
  description: 'Stable: programs go by it, not by the message. See docs/errors.md',
})

const ErrorDetail = Type.Object(
  {
    path: Type.String({
      description: 'JSON pointer into the body, `?limit` for a query parameter, or the name of a header',
    }),
    code,
    message: Type.String({ description: 'For people; may change' }),
    id: Type.Optional(formulaId()),
  },
  { $id: 'ErrorDetail', description: 'One problem, and where in the request it lies' },
)

const ErrorAnswer = Type.Object(
  {
    error: Type.String({ description: 'The reason phrase of the status' }),
    message: Type.String({ description: 'For people; may change' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code,
    details: Type.Array(ErrorDetail, { maxItems: MAX_DETAILS, description: 'Every problem, as far as there are many' }),
  },
  { $id: 'ErrorAnswer', description: 'Every error has this shape' },
)

/** Schemas of all error answers. Which of them a route gives is told by its `errors`, and for all by the document. */
export const errorAnswers = { '4xx': ErrorAnswer, '5xx': ErrorAnswer }
