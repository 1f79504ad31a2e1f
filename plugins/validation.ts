import { FormatRegistry, type TSchema, Type } from '@sinclair/typebox'
import { TypeCompiler, type ValueError } from '@sinclair/typebox/compiler'
import type { FastifySchemaCompiler, preValidationHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { type ErrorDetail, MAX_DETAILS, ServiceError } from '../src/errors/service-error.ts'
import { readTime } from '../src/kit/clock.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** Whether a request may have no body: that counts as `{}`. */
    bodyOptional?: boolean
  }
}

type Query = Record<string, unknown>

/**
 * Validates a part of a request with its TypeBox schema. Bodies are neither converted nor stripped; in queries, digits
 * become a number where the schema has an integer.
 */
const checkBySchema: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const isQuery = httpPart === 'querystring'
  const check = TypeCompiler.Compile(schema)
  return (data: unknown) => {
    const value = isQuery ? withIntegers(schema, data as Query) : data
    if (check.Check(value)) return { value }
    return { error: new ServiceError('VALIDATION_FAILED', { details: problems(check.Errors(value), isQuery) }) }
  }
}

function withIntegers(schema: TSchema, query: Query): Query {
  const value: Query = { ...query }
  for (const [name, property] of Object.entries<TSchema>(schema.properties)) {
    const text = value[name]
    if (property.type === 'integer' && typeof text === 'string' && /^\d{1,15}$/.test(text)) value[name] = Number(text)
  }
  return value
}

/** The first problem of each path: TypeBox reports a missing field as of the wrong type too. */
function problems(errors: Iterable<ValueError>, isQuery: boolean): ErrorDetail[] {
  const byPath = new Map<string, ErrorDetail>()
  for (const error of errors) {
    if (byPath.size === MAX_DETAILS) break
    const path = isQuery ? error.path.replace('/', '?').replaceAll('~1', '/').replaceAll('~0', '~') : error.path
    if (!byPath.has(path)) byPath.set(path, { path, code: 'VALIDATION_FAILED', message: messageOf(error) })
  }
  return [...byPath.values()]
}

function messageOf({ schema, message }: ValueError): string {
  const choices: TSchema[] | undefined = schema.anyOf
  return choices === undefined
    ? message
    : `Expected one of ${choices.map((choice) => choice.const ?? choice.format).join(', ')}`
}

const defaultToEmptyBody: preValidationHookHandler = (request, _reply, done) => {
  if (request.body === undefined) request.body = {}
  done()
}

const NO_PARAMETERS = Type.Object({}, { additionalProperties: false })

FormatRegistry.Set('date-time', (text) => readTime(text) !== null)

/** Validates requests with the schemas of their routes. A route without a query schema accepts no parameters. */
export default fp(
  async (fastify) => {
    fastify.setValidatorCompiler(checkBySchema)
    fastify.addHook('onRoute', (route) => {
      route.schema = { querystring: NO_PARAMETERS, ...route.schema }
      if (route.schema.bodyOptional) route.preValidation = [route.preValidation ?? [], defaultToEmptyBody].flat()
    })
  },
  { name: 'validation' },
)
