import { type TObject, type TProperties, type TSchema, Type } from '@sinclair/typebox'

/** An object of a request: fields it does not name are refused. */
export function strictObject<T extends TProperties>(
  properties: T,
  options: { $id?: string; description?: string; examples?: unknown[] } = {},
): TObject<T> {
  return Type.Object(properties, { ...options, additionalProperties: false })
}

export const timestamp = (description: string) => Type.String({ description, examples: ['2026-01-31T12:00:00.000Z'] })

const FINGERPRINT = '6f3b9d0c2e1a48575f6d7c8b9a0e1f2d3c4b5a69788796a5b4c3d2e1f0a9b8c7'

export const formulaId = () =>
  Type.String({
    description: 'The fingerprint of its materials: SHA-256 in lower-case hex',
    minLength: 64,
    maxLength: 64,
    examples: [FINGERPRINT],
  })

export const idParams = (description: string) =>
  Type.Object({ id: Type.String({ description, examples: [FINGERPRINT] }) })

export const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Most entries of the page', examples: [50] }),
)

export const cursor = Type.Optional(
  Type.String({ description: 'Where the page begins: `nextCursor` of the page before', examples: ['ZjQy'] }),
)

export const nextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'Where the next page begins; null on the last',
  examples: ['ZjQy', null],
})

const ErrorDetail = Type.Object(
  {
    path: Type.String({
      description: 'JSON pointer into the body, `?limit` for a query parameter, or the name of a header',
      examples: ['/materials/0/name'],
    }),
    code: Type.String({ examples: ['MATERIAL_NAME_NOT_STRING'] }),
    message: Type.String({ examples: ['Material name must be a string'] }),
    id: Type.Optional(Type.String({ description: 'The stored formula the entry is about', examples: [FINGERPRINT] })),
  },
  { description: 'One problem, and where in the request it lies' },
)

const ErrorAnswer = Type.Object(
  {
    error: Type.String({ description: 'The reason phrase of the status', examples: ['Bad Request'] }),
    message: Type.String({ examples: ['Material name must be a string'] }),
    status: Type.Integer({ minimum: 400, maximum: 599, examples: [400] }),
    code: Type.String({ description: 'Stable; see docs/errors.md', examples: ['MATERIAL_NAME_NOT_STRING'] }),
    details: Type.Array(ErrorDetail, { maxItems: 100, description: 'Every problem, as far as there are many' }),
  },
  { $id: 'ErrorAnswer', description: 'Every error has this shape' },
)

type ErrorStatus = 400 | 404 | 409 | 413 | 415 | 422

/** Schemas of the error answers a route may give; 500 and 503 are possible everywhere. */
export function errorAnswers<S extends ErrorStatus = never>(
  ...statuses: S[]
): Record<S | 500 | 503, typeof ErrorAnswer> {
  const entries = [...statuses, 500, 503].map((status): [number, TSchema] => [status, ErrorAnswer])
  return Object.fromEntries(entries) as Record<S | 500 | 503, typeof ErrorAnswer>
}
