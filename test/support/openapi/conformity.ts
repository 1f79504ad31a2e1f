import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Answer } from '../http/service.ts'
import type { Document, Operation, ResponseObject, Schema } from './document.ts'

/** Headers that any answer may have: those of the transport, and those that the document states once for all. */
const ON_ALL = [
  ...['connection', 'content-length', 'content-type', 'date', 'keep-alive', 'transfer-encoding'],
  ...['content-security-policy', 'x-content-type-options', 'x-frame-options'],
]

/** Compares values and answers with a document. */
export class Conformity {
  readonly #document: Document
  readonly #checks = new Map<string, ValidateFunction>()
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, logger: false })

  constructor(document: Document) {
    this.#document = document
    addFormats.default(this.#ajv)
  }

  /** How a value violates a schema of the document; empty if it is valid. */
  problemsOf(schema: Schema, value: unknown): string[] {
    const key = JSON.stringify(schema)
    const { components } = this.#document.text
    const check = this.#checks.get(key) ?? this.#ajv.compile({ components, ...(schema as object) })
    this.#checks.set(key, check)
    if (check(value)) return []
    return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath || 'the whole'} ${message}`)
  }

  /** How an answer differs from its operation's documentation; empty if it does not. */
  departures(operation: Operation, answer: Answer): string[] {
    const response = operation.responses[answer.statusCode]
    if (response === undefined) return [`status ${answer.statusCode} is not documented`]
    return this.departuresFrom(response, answer)
  }

  departuresFrom(response: ResponseObject, { headers, body }: Answer): string[] {
    const named = Object.entries(response.headers ?? {}).map(
      ([name, { schema }]) => [name.toLowerCase(), schema] as const,
    )
    const schemas = new Map(named)
    const wrongHeaders = Object.entries(headers).flatMap(([name, value]) => {
      if (ON_ALL.includes(name)) return []
      const schema = schemas.get(name)
      if (schema === undefined) return [`header ${name} is not documented`]
      return this.problemsOf(schema, asWritten(schema, String(value))).map((problem) => `header ${name}: ${problem}`)
    })
    return [...wrongHeaders, ...this.#wrongBody(response, headers['content-type'], body)]
  }

  #wrongBody({ content }: ResponseObject, type: string | undefined, body: string): string[] {
    if (content === undefined) return body === '' ? [] : ['there is a body where none is documented']
    const [name] = String(type).split(';') as [string]
    const media = content[name]
    if (media === undefined) return [`media type ${type} is not documented`]
    return this.problemsOf(media.schema, name === 'application/json' ? JSON.parse(body) : body).map(
      (problem) => `body: ${problem}`,
    )
  }
}

/** Parses the text of a header or query parameter into the type of its schema. */
export function asWritten(schema: Schema, text: string): unknown {
  return (schema as { type?: string }).type === 'integer' && /^\d+$/.test(text) ? Number(text) : text
}
