import { server } from './about.ts'
import { errorComponents, errorResponses, problemSchema } from './error-responses.ts'
import { answerHeaders, headerRefs, headers, parameters } from './headers.ts'
import { type Examples, errorsOf, type RouteFacts } from './operation.ts'
import { plainSchema } from './schema.ts'

/** The parts of an OpenAPI document that are used here. */
export interface OpenApiDocument {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object>; [kind: string]: object }
}

export interface Operation {
  operationId: string
  parameters?: object[]
  requestBody?: { required?: boolean; content: Content }
  responses: Record<string, { description?: string; headers?: object; content?: Content; $ref?: string }>
}

type Content = Record<string, { schema: object; examples?: object }>

/**
 * Completes a document that was made from schemas only: adds the errors of each operation, headers and examples.
 * @param routes by operation id
 * @param schemas the components that operations refer to
 */
export function completeDocument(
  document: OpenApiDocument,
  routes: ReadonlyMap<string, RouteFacts>,
  schemas: Record<string, object>,
): OpenApiDocument {
  const paths = mapValues(document.paths, (operations) =>
    mapValues(operations, (operation) => completeOperation(operation, routes.get(operation.operationId) as RouteFacts)),
  )
  const components = {
    ...document.components,
    schemas: { ...schemas, Problem: problemSchema },
    parameters,
    headers,
    ...errorComponents(),
  }
  return plainSchema({ ...document, servers: [server], paths, components }) as OpenApiDocument
}

function completeOperation(operation: Operation, route: RouteFacts): Operation {
  const { parameters: own = [], requestBody, responses } = operation
  const successes = Object.entries(responses).filter(([status]) => /^(?:2\d\d|304)$/.test(status))
  const answered = headerRefs(answerHeaders(route.responseHeaders, route.scopes !== null))
  const answers = successes.map(([status, { description = '', content }]) => [
    status,
    { description, headers: answered, ...(content && { content: withExamples(content, route.answerExamples) }) },
  ])
  return {
    ...operation,
    parameters: [...own, { $ref: '#/components/parameters/X-Request-Id' }],
    ...(requestBody && {
      requestBody: {
        ...requestBody,
        required: !route.bodyOptional,
        content: withExamples(requestBody.content, route.bodyExamples),
      },
    }),
    responses: { ...Object.fromEntries(answers), ...errorResponses(errorsOf(route), route) },
  }
}

function withExamples(content: Content, examples: Examples): Content {
  if (Object.keys(examples).length === 0) return content
  return mapValues(content, (media) => ({ ...media, examples: mapValues(examples, (value) => ({ value })) }))
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
