import swagger, { type SwaggerTransform } from '@fastify/swagger'
import type { TObject } from '@sinclair/typebox'
import type { FastifySchema, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { ErrorCode } from '../src/errors/catalogue.ts'
import { about } from '../src/openapi/about.ts'
import { completeDocument, type OpenApiDocument } from '../src/openapi/document.ts'
import { type Examples, type RouteFacts, securityOf } from '../src/openapi/operation.ts'
import { NamedSchemas } from '../src/openapi/schema.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** Error codes of the route itself; the document adds those that any request may get. */
    errors?: readonly ErrorCode[]
    /** Headers that the route reads; documentation only, they are not validated by it. */
    requestHeaders?: TObject
    /** Headers of its successful answers, besides those of all routes. */
    responseHeaders?: readonly string[]
    /** Examples by their titles. */
    bodyExamples?: Examples
    answerExamples?: Examples
  }
}

/** Describes all routes in OpenAPI 3.1. The document is made from their schemas when first requested. */
export default fp(
  async (fastify) => {
    const routes = new Map<string, RouteFacts>()
    const schemas = new NamedSchemas()
    const transform: SwaggerTransform = ({ schema, url, route }) => {
      if (schema?.hide) return { schema, url }
      const { operationId, errors } = schema ?? {}
      if (operationId === undefined || errors === undefined) {
        throw new Error(`${route.method} ${url} is not described: its schema needs an operationId and errors`)
      }
      const facts = factsOf(route, schema)
      routes.set(operationId, facts)
      return { schema: described(schema, facts, schemas), url }
    }
    await fastify.register(swagger, {
      openapi: about,
      convertConstToEnum: false,
      transform,
      transformObject: (made) => {
        const { openapiObject } = made as unknown as { openapiObject: OpenApiDocument }
        return completeDocument(openapiObject, routes, schemas.found) as object
      },
    })
  },
  { name: 'openapi' },
)

function factsOf({ method, url, config = {} }: RouteOptions, schema: FastifySchema): RouteFacts {
  return {
    method: String(method),
    url,
    scopes: config.public ? null : [config.scope ?? 'admin'].flat(),
    alsoScope: config.alsoScope,
    whileClosing: config.whileClosing ?? false,
    anyHost: config.anyHost ?? false,
    errors: schema.errors ?? [],
    responseHeaders: schema.responseHeaders ?? [],
    bodyIsStrict: (schema.body as TObject | undefined)?.additionalProperties === false,
    bodyOptional: schema.bodyOptional ?? false,
    bodyExamples: schema.bodyExamples ?? {},
    answerExamples: schema.answerExamples ?? {},
  }
}

/** The schema of a route as documented. It is not used for validation. */
function described(schema: FastifySchema, facts: RouteFacts, schemas: NamedSchemas): FastifySchema {
  const { description, body, response, requestHeaders } = schema
  const needs = facts.scopes?.map((scope) => `\`${scope}\``).join(' or ')
  const also = facts.alsoScope === undefined ? '' : ` and \`${facts.alsoScope}\``
  return {
    ...schema,
    description: `${description}\n\n${needs === undefined ? 'Needs no key.' : `Scope: ${needs}${also}.`}`,
    security: securityOf(facts),
    headers: requestHeaders,
    ...(body !== undefined && { body: asContent(body as object, schemas) }),
    response: Object.fromEntries(
      Object.entries(response as Record<string, object>).map(([status, answer]) => [
        status,
        asContent(answer, schemas),
      ]),
    ),
  }
}

/** A response with `content` names its media type; all others are JSON. Only `content` may hold references. */
function asContent(schema: { type?: string; description?: string }, schemas: NamedSchemas): object {
  if (schema.type === 'null' || 'content' in schema) return schema
  return { description: schema.description, content: { 'application/json': { schema: schemas.refer(schema) } } }
}
