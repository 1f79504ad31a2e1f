import type { FastifyInstance } from 'fastify'

export type Schema = boolean | { [keyword: string]: unknown }

export interface Parameter {
  in: 'path' | 'query' | 'header'
  name: string
  required: boolean
  schema: Schema
  example?: unknown
  examples?: Record<string, { value: unknown }>
}

interface Media {
  schema: Schema
  examples?: Record<string, { value: unknown }>
}

export interface ResponseObject {
  description: string
  headers?: Record<string, { schema: Schema }>
  content?: Record<string, Media>
}

/** An operation with its references resolved, except those within schemas. */
export interface Operation {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  path: string
  id: string
  tags: string[]
  security: { apiKey: string[] }[]
  parameters: Parameter[]
  requestBody?: { required: boolean; content: Record<string, Media> }
  responses: Record<string, ResponseObject>
}

/** The document of a service, with its references resolved. */
export class Document {
  readonly text: Record<string, unknown>
  readonly operations: Operation[]

  constructor(text: Record<string, unknown>) {
    this.text = text
    const paths = text.paths as Record<string, Record<string, unknown>>
    this.operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => this.#operation(method.toUpperCase(), path, operation)),
    )
  }

  operation(id: string): Operation {
    const found = this.operations.find((operation) => operation.id === id)
    if (found === undefined) throw new Error(`The document has no operation ${id}`)
    return found
  }

  /** A response that belongs to no operation. */
  general(name: string): ResponseObject {
    return this.follow({ $ref: `#/components/responses/${name}` }) as ResponseObject
  }

  /** Resolves references recursively, except within schemas, where they may be circular. */
  follow(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((part) => this.follow(part))
    if (typeof value !== 'object' || value === null) return value
    const { $ref } = value as { $ref?: string }
    if ($ref !== undefined) return this.follow(this.at($ref))
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, key === 'schema' ? part : this.follow(part)]),
    )
  }

  /** What stands at `#/…`. */
  at(reference: string): unknown {
    const steps = reference.slice(2).split('/')
    return steps.reduce<unknown>((place, step) => (place as Record<string, unknown>)[step], this.text)
  }

  #operation(method: string, path: string, value: unknown): Operation {
    const { operationId, ...operation } = this.follow(value) as Omit<Operation, 'id'> & { operationId: string }
    return { ...operation, method: method as Operation['method'], path, id: operationId }
  }
}

/** Reads the document as a client does. */
export async function readDocument(app: FastifyInstance, headers: Record<string, string> = {}): Promise<Document> {
  return new Document((await app.inject({ url: '/openapi.json', headers })).json())
}
