import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Answer } from '../http/service.ts'
import type { Document, Operation, ResponseObject, Schema } from './document.ts'

/** What each answer may carry and no operation names: of the transport, and what the document says of all. */
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

  /** What is wrong with a value by a schema of the document; none when it is valid. */
  problemsOf(schema: Schema, value: unknown): string[] {
    const key = JSON.stringify(schema)
    const { components } = this.#document.text
    const check = this.#checks.get(key) ?? this.#ajv.compile({ components, ...(schema as object) })
    this.#checks.set(key, check)
    if (check(value)) return []
    return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath || 'the whole'} ${message}`)
  }

  /** Where an answer is another than its operation documents; none when it is as documented. */
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

/** Text of a header or a query as the value that its schema speaks of. */
export function asWritten(schema: Schema, text: string): unknown {
  return (schema as { type?: string }).type === 'integer' && /^\d+$/.test(text) ? Number(text) : text
}
