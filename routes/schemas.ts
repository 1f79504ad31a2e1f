import { type TInteger, type TObject, type TProperties, Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { catalogue, type ErrorCode } from '../src/errors/catalogue.ts'
import { errorAt, MAX_DETAILS } from '../src/errors/service-error.ts'
import { FORMULA_NAME_LENGTH } from '../src/formula/formula.ts'
import { FINGERPRINT } from '../src/formula/identity.ts'
import { storedFormula } from '../src/openapi/examples.ts'
import { DEFAULT_SUBSCRIPTION, SUBSCRIPTION_NAME } from '../src/stores/ports.ts'

/** An object in a request: unknown fields are refused. */
export function strictObject<T extends TProperties>(
  properties: T,
  options: { $id?: string; description?: string } = {},
): TObject<T> {
  return Type.Object(properties, { ...options, additionalProperties: false })
}

export const timestamp = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-01-31T12:00:00.000Z'] })

export const formulaId = (description = 'The fingerprint of its composition: SHA-256 in lower-case hex') =>
  Type.String({
    description,
    pattern: FINGERPRINT.source,
    examples: [storedFormula.id],
  })

export const storedName = (description: string, example: string, maxLength = FORMULA_NAME_LENGTH) =>
  Type.String({ minLength: 1, maxLength, description, examples: [example] })

export const subscriptionName = (description: string, example = 'erp') =>
  Type.String({ pattern: SUBSCRIPTION_NAME.source, description, examples: [example] })

/** The subscription that an events route is used for. */
export const subscription = Type.Optional({
  ...subscriptionName('Which subscription', DEFAULT_SUBSCRIPTION),
  default: DEFAULT_SUBSCRIPTION,
})

export const count = (description: string): TInteger => Type.Integer({ minimum: 0, description, examples: [1] })

export const statsFields = {
  ready: count('Ready to be leased'),
  leased: count('Leased by consumers'),
  delayed: count('Nacked with a delay'),
  dead: count('Dead letters'),
  oldestReadyAgeSeconds: Type.Union([Type.Number({ minimum: 0 }), Type.Null()], {
    description: 'null if none is ready',
  }),
}

export const idParams = (description: string, example: string = storedFormula.id) =>
  Type.Object({ id: Type.String({ description, examples: [example] }) })

export const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Maximum number of entries', examples: [50] }),
)

/** The list that a cursor belongs to, with its filters: it is not valid for another. */
export type CursorKind = 'formulas' | `formulas:${string}` | 'dead' | `events:${string}:${string}`

/** A place in a list: its position, or several numbers. */
type Place = number | readonly number[]

/** Encodes a place in a list; null stays null. */
function writeCursor(kind: CursorKind, place: Place | null): string | null {
  return place === null ? null : Buffer.from(`${kind}:${place}`).toString('base64url')
}

/**
 * Decodes a cursor to the `size` numbers of its place.
 * @throws {ServiceError} CURSOR_INVALID unless `writeCursor` made it for this kind
 */
export function readPlace(kind: CursorKind, cursor: string | undefined, size: number): readonly number[] | null {
  if (cursor === undefined) return null
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  const place = text
    .slice(kind.length + 1)
    .split(',')
    .map(Number)
  const areValid = place.length === size && place.every((number) => Number.isSafeInteger(number) && number >= 0)
  if (areValid && writeCursor(kind, place) === cursor) return place
  throw errorAt('?cursor', 'CURSOR_INVALID')
}

/** Names the next page in a `Link` header: the same query with its cursor. @returns the cursor, for the body */
export function linkNext(reply: FastifyReply, kind: CursorKind, place: Place | null): string | null {
  const cursor = writeCursor(kind, place)
  if (cursor === null) return null
  const { query, routeOptions } = reply.request
  const next = new URLSearchParams({ ...(query as Record<string, string>), cursor })
  reply.header('Link', `<${routeOptions.url}?${next}>; rel="next"`)
  return cursor
}

/** Decodes a cursor to the `before` of a query. @throws {ServiceError} see `readPlace` */
export function readCursor(kind: CursorKind, cursor: string | undefined): { before?: number } {
  const [before] = readPlace(kind, cursor, 1) ?? []
  return before === undefined ? {} : { before }
}

export const cursor = (kind: CursorKind, place: Place = 42) =>
  Type.Optional(
    Type.String({
      description: 'Start of the page: `nextCursor` of the page before',
      examples: [writeCursor(kind, place)],
    }),
  )

export const nextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'The cursor of the next page; null on the last',
})

const code = Type.Unsafe<ErrorCode>({
  $id: 'ErrorCode',
  type: 'string',
  enum: Object.keys(catalogue),
  description: 'Stable, unlike the message: use it in programs. See docs/errors.md',
})

const ErrorDetail = Type.Object(
  {
    path: Type.String({
      description: 'JSON pointer into the body, `?limit` for a query parameter, or the name of a header',
    }),
    code,
    message: Type.String({ description: 'Human-readable; may change' }),
    id: Type.Optional(formulaId()),
  },
  { $id: 'ErrorDetail', description: 'One problem, and its place in the request' },
)

const ErrorAnswer = Type.Object(
  {
    error: Type.String({ description: 'The reason phrase of the status' }),
    message: Type.String({ description: 'Human-readable; may change' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code,
    details: Type.Array(ErrorDetail, { maxItems: MAX_DETAILS, description: 'Every problem, up to 100' }),
  },
  { $id: 'ErrorAnswer', description: 'Every error has this shape' },
)

/** Schemas of all error answers. The document lists the codes, from a route's `errors` and from those of all routes. */
export const errorAnswers = { '4xx': ErrorAnswer, '5xx': ErrorAnswer }

/** The answers of a route: its 200 with these properties, and errors. */
export const answers = <T extends TProperties>($id: string, description: string, properties: T) => ({
  200: Type.Object(properties, { $id, description }),
  ...errorAnswers,
})
